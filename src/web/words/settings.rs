//! Words of the settings pages.

super::words! {
    users_lead: "だれがこのサーバーを使えるかを決めます。", "Who may use this server.";
    user_invite: "利用者を招待", "Invite a user";
    user_invite_lead: "招待リンクを発行します。リンクは 30 分間、一度だけ使えます。", "Makes an invitation link. It works once, for 30 minutes.";
    user_invite_do: "招待リンクを発行", "Make the invitation link";
    user_name: "表示名", "Display name";
    user_name_support: "画面と監査記録に表示します。例）佐藤 次郎", "Shown on the pages and in the audit log. Example: Jiro Sato";
    user_email_support: "サインインに使います。例）jiro@example.jp", "Used to sign in. Example: jiro@example.jp";
    user_active: "有効", "Active";
    user_invited: "招待中", "Invited";
    user_suspended: "停止中", "Suspended";
    user_yourself: "自分", "You";
    user_change: "利用者の変更", "Change a user";
    user_suspend: "停止する", "Suspend";
    user_suspend_lead: "停止すると、すぐにサインアウトされ、この利用者の API トークンも無効になります。", "The user is signed out at once, and their API tokens stop working.";
    user_suspend_ask(name: &str): "{name} さんを停止します。", "Suspend {name}?";
    user_resume: "停止を解く", "Lift the suspension";
    user_resume_lead: "停止を解くと、同じパスワードでサインインできます。API トークンは戻りません。", "The user can sign in again with the same password. API tokens do not come back.";
    user_reset: "パスワードの再設定", "Set a new password";
    user_reset_lead: "再設定のリンクを発行します。リンクは 30 分間、一度だけ使えます。", "Makes a link to set a new password. It works once, for 30 minutes.";
    user_reset_do: "再設定リンクを発行", "Make the link";
    link_title: "リンクを渡してください", "Hand over the link";
    link_lead(name: &str): "このリンクは、ここで一度だけ表示します。{name} さん本人に、安全な方法で渡してください。", "The link is shown here once. Give it to {name} in a safe way.";
    link_label: "リンク", "Link";
    link_done: "渡しました", "Done";

    tokens_lead: "スクリプトから操作するための鍵です。必要な権限だけを与えてください。", "Keys for scripts. Give each one only the rights it needs.";
    tokens_empty: "API トークンはまだありません", "There are no API tokens yet";
    tokens_empty_text: "トークンを作ると、HTTP でこのサーバーの情報を読み取るスクリプトを動かせます。", "With a token, a script can ask this server over HTTP.";
    token_make: "トークンを作る", "Make a token";
    token_name_support: "何に使うかが分かる名前を付けます。例）基幹システム連携", "A name that tells what it is for. Example: ERP link";
    token_scopes: "権限", "Rights";
    token_scopes_support: "利用者の管理は、トークンには与えられません。", "Managing users is never given to a token.";
    token_owner: "持ち主", "Owner";
    token_created: "作成", "Made";
    token_used: "最後の利用", "Last used";
    token_revoke: "無効にする", "Revoke";
    token_revoked: "無効", "Revoked";
    token_shown_title: "トークンを保存してください", "Keep the token";
    token_shown_lead: "トークンは、ここで一度だけ表示します。閉じると二度と見られません。", "The token is shown here once. It cannot be seen again.";
    token_label: "トークン", "Token";
    token_example: "使い方の例", "How to use it";

    audit_lead: "だれが、いつ、何をしたか。各行は前の行と暗号でつながっていて、書き換えると分かります。", "Who did what, and when. Each line is chained to the one before, so that a change shows.";
    audit_verify: "つながりを検証", "Verify the chain";
    audit_n: "番号", "Line";
    audit_who: "だれが", "Who";
    audit_what: "何を", "What";
    audit_about: "対象", "About";
    audit_hash: "要約", "Hash";
    audit_cli(account: &str): "コマンド（{account}）", "Command line ({account})";
    audit_house(job: &str): "自動処理（{job}）", "Job ({job})";
    audit_public: "受信者・未サインイン", "Public";
    audit_token(n: &str): "API トークン {n}", "API token {n}";

    general_lead: "このサーバーの土台となる設定です。", "What this server stands on.";
    general_boot: "起動時の設定", "Boot settings";
    general_boot_lead(file: &str): "これらは {file} に書かれています。変更したときは再起動してください。", "These stand in {file}. Restart after a change.";
    general_domain: "送信元のドメイン", "Sending domain";
    general_public_url: "公開 URL", "Public URL";
    general_listen: "待ち受けアドレス", "Listening address";
    general_language: "既定の言語", "Default language";
    general_key: "鍵の取り出し元", "Where the key comes from";
    general_data: "データフォルダー", "Data folder";
    general_about: "このソフトウェアについて", "About this software";
    general_version: "版", "Version";
    general_licence: "ライセンス", "Licence";
    look_lead: "管理画面、サインイン、配信停止などのページに表示する名前と色です。", "The name and the colour of the pages: here, at the sign-in, and where people stop mail.";
    look_name: "店名・団体名", "Name of the shop or organisation";
    look_name_support: "40 文字まで。空欄のときは「運ぶ」と表示します。例）山田商店", "At most 40 characters. When empty, the pages say Hakobu. Example: Yamada Store";
    look_accent: "色", "Colour";
    look_accent_support: "ボタンや現在地の色です。どの色も、明るい画面と暗い画面の両方で文字が読めることを確かめてあります。", "Of buttons and of where you are. Text stays readable in every one of them, on light and dark screens.";

    key_file: "鍵ファイル", "Key file";
    key_passphrase: "パスフレーズ", "Passphrase";
    key_credential: "systemd の資格情報", "systemd credential";
    key_command: "コマンド", "Command";
}
