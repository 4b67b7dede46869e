//! Words of the frame around every page, and of forms and lists everywhere.

super::words! {
    product: "運ぶ", "Hakobu";
    skip: "本文へ移動", "Skip to the content";
    menu: "メニュー", "Menu";
    here: "現在地", "You are here";
    account: "自分の設定", "My account";
    sign_out: "サインアウト", "Sign out";
    language: "言語", "Language";
    japanese: "日本語", "日本語";
    english: "English", "English";

    group_send: "送る", "Send";
    group_contacts: "連絡先", "Contacts";
    group_settings: "設定", "Settings";
    menu_home: "ホーム", "Home";
    menu_campaigns: "一斉配信", "Campaigns";
    menu_templates: "ひな形", "Templates";
    menu_senders: "差出人・ドメイン", "Senders, domains";
    menu_contacts: "連絡先の一覧", "All contacts";
    menu_import: "取り込み", "Import";
    menu_segments: "絞り込み", "Segments";
    menu_attributes: "属性とタグ", "Attributes and tags";
    menu_topics: "配信種別", "Topics";
    menu_suppression: "停止リスト", "Suppression list";
    menu_general: "基本", "General";
    menu_look: "見た目", "Look";
    menu_relay: "メールの送信経路", "Mail relay";
    menu_users: "利用者", "Users";
    menu_tokens: "API トークン", "API tokens";
    menu_audit: "監査記録", "Audit log";
    menu_mails: "届いたメール（練習）", "Caught mail (practice)";

    required: "※必須", "required";
    optional: "※任意", "optional";
    fault_mark: "＊", "Error: ";
    faults_title: "入力内容を確認してください", "Please check what you entered";
    error_title(title: &str): "エラー：{title}", "Error: {title}";
    save: "保存", "Save";
    cancel: "取り消す", "Cancel";
    back: "戻る", "Back";
    search: "検索", "Search";
    copy: "コピー", "Copy";
    copied: "コピーしました", "Copied";
    next_page: "次のページ", "Next page";
    first_page: "最初のページ", "First page";
    show_table: "数値を表で見る", "Show the figures as a table";
    unsaved: "保存していない変更があります。", "There are changes that are not saved.";
    name: "名前", "Name";
    mail_address: "メールアドレス", "Mail address";
    date_time: "日時", "Date and time";
    state: "状態", "State";
    actions: "操作", "Actions";
    none: "なし", "None";
    list_comma: "、", ", ";
    never: "まだありません", "Never";
    done_mark: "完了", "Done";
}
