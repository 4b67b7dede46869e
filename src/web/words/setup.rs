//! Words of the first run.

super::words! {
    setup_closed: "初期設定を待っています", "Waiting to be set up";
    setup_closed_lead: "サーバーを起動した画面に表示されたリンクを開いてください。リンクは 30 分間、最初に開いたブラウザーだけで使えます。期限が切れたときは起動し直してください。", "Open the link shown where the server was started. It works for 30 minutes, in the first browser that opens it. Start the server again when it is over.";
    setup_language: "ことば", "Language";
    setup_language_lead: "画面とメールで使う言語を選びます。あとで変えられます。", "The language of the pages. You can change it later.";
    setup_checks: "点検", "Checks";
    setup_checks_lead: "このコンピューターで動かせるかを確かめました。", "Whether this computer is ready.";
    setup_admin: "管理者", "Admin";
    setup_admin_lead: "最初の管理者を登録します。ほかの人は、あとで招待できます。", "The first admin. You can invite others later.";
    setup_domain: "ドメイン", "Domain";
    setup_domain_lead: "メールの送信元になる名前と、受信者が開くページの場所です。", "The name that mail comes from, and where recipients' pages are.";
    setup_domain_support: "例）news.example.jp", "Example: news.example.jp";
    setup_url_support: "配信停止リンクの行き先です。空欄のときは https://ドメイン になります。", "Where unsubscribe links point. Empty means https:// and the domain.";
    setup_mail: "メール", "Mail";
    setup_mail_lead: "メールを引き渡すサーバー（中継サーバー）を指定します。あとで設定しても構いません。", "The mail server that takes your mail (the relay). You may leave it for later.";
    setup_relay: "中継サーバー", "Relay";
    setup_relay_support: "例）smtp+starttls://user@smtp.example.jp:587、smtps://user@smtp.example.jp、smtp://127.0.0.1:25", "Examples: smtp+starttls://user@smtp.example.jp:587, smtps://user@smtp.example.jp, smtp://127.0.0.1:25";
    setup_relay_password: "中継サーバーのパスワード", "The relay's password";
    setup_relay_password_support: "利用者名を付けたときだけ入力します。暗号化して保存します。", "Only with a user name. It is stored encrypted.";
    setup_key: "鍵", "Key";
    setup_key_lead: "すべてのデータはこの鍵で暗号化されます。鍵ファイルはデータフォルダーの外に作ります。", "All data is encrypted with this key. The key file stands outside the data folder.";
    setup_key_support: "新しく作るファイルの場所です。バックアップとは別の場所に控えを取ってください。", "The file to be made. Keep a copy of it away from your backups.";
    setup_make: "環境を作る", "Make the house";
    setup_finish: "仕上げ", "Finish";
    setup_finish_lead: "復旧コードを紙に控えてください。鍵ファイルを失ったとき、データを開く唯一の手段です。二度と表示されません。", "Write the recovery code on paper. It is the only other way to your data if the key file is lost, and it is never shown again.";
    setup_recovery: "復旧コード", "Recovery code";
    setup_code: "復旧コードの最後の 4 文字", "Last four characters of the recovery code";
    setup_code_support: "控えた紙を見ながら入力してください。", "Read them from your paper.";
    setup_next: "次へ", "Next";
    setup_again: "もう一度確かめる", "Check again";
    setup_start: "使い始める", "Start";
    setup_test: "試し送信", "Test mail";
    setup_test_lead: "管理者のメールアドレスに 1 通送って、送信経路を確かめます。", "Sends one mail to the admin to try the relay.";
    setup_test_do: "試しに送る", "Send a test mail";
    setup_test_sent: "中継サーバーがメールを受理しました。受信箱を確認してください。", "The relay took the mail. Look into the inbox.";
    setup_test_subject: "運ぶ: 試し送信", "Hakobu: test mail";
    setup_test_body: "このメールは初期設定の試し送信です。受け取れていれば、送信経路は正しく動いています。", "This is a test mail of the first run. If you can read it, the relay works.";
    setup_good: "良好", "Good";
    setup_warn: "注意", "Note";
    setup_stop: "中止", "Stop";
}
