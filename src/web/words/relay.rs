//! Words of the relay's page and of the page of caught mails.

super::words! {
    relay_lead: "メールを次に渡すサーバー（中継サーバー）の設定です。", "The server that mail is handed to next.";
    relay_settings: "中継サーバー", "Relay";
    relay_kind: "暗号化", "Encryption";
    relay_starttls: "STARTTLS（ポート 587 など）", "STARTTLS (port 587 and others)";
    relay_implicit: "最初から TLS（ポート 465 など）", "TLS from the start (port 465 and others)";
    relay_plain: "なし（このサーバーの中だけ）", "None (for this machine only)";
    relay_host: "ホスト", "Host";
    relay_host_support: "例）smtp.example.jp、127.0.0.1", "Example: smtp.example.jp, 127.0.0.1";
    relay_port: "ポート", "Port";
    relay_port_support: "空欄なら、暗号化に合った番号を使います。例）587", "Left empty, the usual one is used. Example: 587";
    relay_user: "ユーザー名", "User";
    relay_user_support: "認証が要らなければ空欄にします。", "Leave empty when there is no sign-in.";
    relay_password: "パスワード", "Password";
    relay_password_kept: "空欄なら、いまのパスワードを使います。ホスト、ポート、ユーザー名を変えるときは入力し直してください。", "Left empty, the present one is kept. Type it again when host, port or user change.";
    relay_password_support: "封印して保存します。画面には二度と表示しません。", "Kept sealed. It is never shown again.";
    relay_ca: "独自の認証局の証明書", "Certificates of a private authority";
    relay_ca_support: "社内の中継サーバーなど、公の認証局を使わないときだけ、PEM の文字列を貼り付けます。", "PEM text, only for a relay that uses no public authority.";
    relay_check: "接続を確かめる", "Check the connection";
    relay_check_lead: "名前、接続、暗号化、認証を順に確かめます。メールは送りません。", "Checks name, connection, encryption and sign-in. No mail is sent.";
    relay_test: "テスト送信", "Send a test";
    relay_test_lead: "1 通だけ送って、中継サーバーが受け取るかどうかを確かめます。", "Sends one mail and shows whether the relay takes it.";
    relay_test_to: "宛先", "To";
    relay_test_to_support: "例）me@example.jp", "Example: me@example.jp";
    relay_none: "中継サーバーはまだ設定されていません。設定するまで、メールは送れません。", "No relay is set. Mail cannot be sent until there is one.";

    caught_lead: "この練習用の環境から送ったメールは、外には出ず、ここに届きます。", "Mail from this practice house does not leave it. It arrives here.";
    caught_empty: "届いたメールはまだありません", "No mail has arrived yet";
    caught_empty_text: "配信やテスト送信をすると、ここに表示します。", "Send a campaign or a test, and it shows here.";
    caught_subject: "件名", "Subject";
    caught_to: "宛先", "To";
    caught_from: "差出人", "From";
    caught_at: "届いた日時", "Arrived";
    caught_total(n: &str): "これまでに {n} 通届きました。", "{n} mails have arrived so far.";
    caught_shown(n: &str): "新しい {n} 通を表示しています。", "The newest {n} are shown.";
    caught_no_subject: "（件名なし）", "(no subject)";
    caught_html: "HTML", "HTML";
    caught_text: "テキスト", "Text";
    caught_source: "ソース", "Source";
    caught_files: "添付ファイル", "Attachments";
    caught_links: "本文のリンク", "Links in the text";
    caught_frame: "メールの HTML 表示", "The mail as HTML";
    caught_bytes(n: &usize): "（{n} バイト）", "({n} bytes)";
    caught_envelope: "封筒の差出人と宛先", "Envelope";
}
