//! Words of the pages about sending domains: records, keys, the sending server.

super::words! {
    domains: "送信ドメイン", "Sending domains";
    domains_lead: "差出人のドメインごとに、受信側が確かめる DNS レコードの状態です。", "What receivers look up in DNS for each domain that mail comes from.";
    domains_domain: "ドメイン", "Domain";
    domains_signed: "署名", "Signature";
    domains_dns: "DNS", "DNS";
    domains_checked: "確かめた日時", "Checked";
    domains_add: "ドメインを追加", "Add a domain";
    domains_add_do: "追加", "Add";
    domains_add_support: "例）news.example.jp", "Example: news.example.jp";
    domains_server: "送信サーバー", "Sending server";
    domains_server_set: "設定", "Set up";
    domains_never: "未確認", "Not checked";
    domains_well: "整っています", "All set";
    domains_open(n: &usize): "対応 {n} 件", "{n} to do";
    domains_unknown: "不明", "Unknown";
    domains_signed_own: "あり", "Yes";
    domains_signed_above(name: &str): "{name} の鍵", "By {name}";
    domains_signed_waiting: "公開待ち", "Waiting";
    domains_signed_none: "なし", "No";

    domain_lead: "このドメインからのメールが信用されるように、DNS に公開するレコードです。公開は、ドメインを管理している会社の画面で行います。", "The records that let receivers trust mail from this domain. You publish them where your domain is managed.";
    domain_check: "いま確かめる", "Check now";
    domain_checked: "前回確かめた日時", "Last checked";
    domain_not_checked: "まだ確かめていません。公開したら「いま確かめる」を押してください。", "Not checked yet. Publish the records, then check them.";
    domain_slow: "公開してから DNS に行き渡るまで、数分から数時間かかることがあります。", "It can take minutes to hours until DNS shows what was published.";
    domain_records: "公開するレコード", "Records to publish";
    domain_todo: "対応が必要なレコード", "Records that need you";
    domain_done: "公開済みのレコード", "Published records";
    domain_optional: "任意のレコード", "Optional records";
    domain_found: "いま公開されている値", "Published now";
    domain_name: "名前", "Name";
    domain_kind: "種類", "Type";
    domain_value: "値", "Value";
    domain_zone: "ゾーンファイルの形", "As a line of a zone file";
    domain_zone_lead: "255 文字を超える値は、255 文字ずつ引用符で区切って 1 行に書きます。", "A value beyond 255 characters stands in several strings.";
    domain_copy_name: "名前をコピー", "Copy the name";
    domain_copy_value: "値をコピー", "Copy the value";

    record_there: "公開済み", "Published";
    record_missing: "未公開", "Missing";
    record_different: "要修正", "To mend";
    record_unknown: "不明", "Unknown";
    record_optional: "任意", "Optional";
    record_open: "未確認", "Not checked";
    record_spf_return: "SPF（返送先）", "SPF of the return path";
    record_spf_from: "SPF（差出人）", "SPF of the sender";
    record_spf_helo: "SPF（サーバー名）", "SPF of the server's name";
    record_dkim: "DKIM（署名の鍵）", "DKIM key";
    record_dmarc: "DMARC", "DMARC";
    record_return_path: "MX（返送先）", "MX of the return path";
    record_from_host: "MX（差出人）", "MX of the sender";
    record_helo: "サーバー名のアドレス", "Address of the server's name";
    record_reverse: "逆引き", "Reverse name";
    record_tls_reports: "TLS-RPT", "TLS-RPT";
    record_mta_sts: "MTA-STS", "MTA-STS";

    keys_title: "署名の鍵（DKIM）", "Signing keys (DKIM)";
    keys_lead: "RSA と Ed25519 の 2 つの鍵で署名します。鍵は封印して保存します。", "Mail is signed with two keys, RSA and Ed25519. They are kept sealed.";
    keys_none: "鍵はまだありません。作ると、公開するレコードを上に表示します。公開を確かめてから署名を始めます。", "There are no keys yet. Once made, their records show above; mail is signed as soon as these are seen.";
    keys_above(name: &str): "上のドメイン {name} の鍵で署名しています。", "The keys of {name} above it sign.";
    keys_create: "鍵を作る", "Make keys";
    keys_rotate: "次の鍵を作る", "Make the next keys";
    keys_use: "確かめずに使い始める", "Use without checking";
    keys_use_ask: "公開されていない鍵で署名すると、受信側は署名を確かめられません。DNS に公開したことを別の方法で確かめたときだけ、使い始めてください。", "Receivers cannot check a signature whose key is not published. Go on only when you know that it is.";
    keys_waiting_lead: "新しい鍵のレコードを公開して「いま確かめる」を押すと、使い始めます。1 時間ごとにも確かめます。", "Publish the new records, then check: they are used from then on. They are also looked for every hour.";
    keys_selector: "セレクター", "Selectors";
    keys_made: "作成", "Made";
    keys_since: "使用開始", "Used since";
    keys_until: "公開の期限", "Published until";
    keys_waiting: "準備中", "Waiting";
    keys_active: "使用中", "Active";
    keys_retiring: "引退中", "Retiring";
    keys_gone: "終了", "Gone";

    domain_settings: "このドメインの設定", "This domain's settings";
    domain_return: "エラーメールの返送先", "Return path";
    domain_return_support: "届かなかったメールの知らせを受け取る名前です。このドメインか、その下の名前にします。例）bounce", "Where reports of failure come back: this domain, or a name below it. Example: bounce";
    domain_reports: "DMARC の報告の宛先", "Who gets DMARC reports";
    domain_reports_support: "受信側から届く、なりすましの集計の宛先です。空欄なら、報告を頼みません。例）dmarc@example.jp", "Receivers send daily counts of forged mail there. Left empty, none are asked for. Example: dmarc@example.jp";
    domain_remove: "一覧から外す", "Take it off the list";
    domain_remove_ask: "設定を消して、一覧から外します。鍵と DNS のレコードはそのまま残ります。", "Its settings go. Keys and DNS records stay as they are.";

    domain_register: "受信側の窓口に登録する", "Register with receivers";
    domain_register_lead: "評判や迷惑メールの報告は、受信側の窓口に登録すると見られます。どれも無料です。", "Receivers show your reputation and complaints once you register. All of these are free.";
    register_gmail: "Gmail: Postmaster Tools", "Gmail: Postmaster Tools";
    register_gmail_text: "ドメインを登録すると、迷惑メールと報告された割合が分かります。0.1 % 未満に保ち、0.3 % を超えないようにします。", "Register the domain to see how many recipients report spam. Stay below 0.1 %, and never reach 0.3 %.";
    register_yahoo: "Yahoo（米国）: Complaint Feedback Loop", "Yahoo: Complaint Feedback Loop";
    register_yahoo_text: "DKIM で署名するドメインを登録すると、迷惑メールと報告した人の知らせが届きます。Yahoo! JAPAN とは別の会社です。", "Register the domain that signs (DKIM) to be told of complaints. Yahoo! JAPAN is another company.";
    register_outlook: "Outlook.com: SNDS", "Outlook.com: SNDS";
    register_outlook_text: "送信元の IP アドレスを登録すると、評判と苦情の数が分かります。直接送るときに使います。", "Register the addresses that mail comes from to see reputation and complaints. For sending directly.";

    sending_title: "送信サーバー", "Sending server";
    sending_lead: "受信側から見える、このサーバーの名前とアドレスです。SPF・MX・逆引きのレコードは、ここから決まります。", "What receivers see of this server. The records of SPF, MX and reverse names follow from it.";
    sending_helo: "サーバー名", "Server's name";
    sending_helo_support: "接続のはじめに名乗る名前です（HELO）。逆引きと同じ名前にします。例）mail.example.jp", "Said at the start of a connection (HELO), and the same as the reverse name. Example: mail.example.jp";
    sending_addresses: "送信元アドレス", "Addresses that mail comes from";
    sending_addresses_support: "1 行に 1 つ書きます。NAT の内側では「内側=外側」と書きます。中継サーバーだけで送るときは空欄にします。例）192.0.2.7、10.0.0.5=192.0.2.7", "One a line; behind NAT write OWN=PUBLIC. Leave empty when a relay does all the sending. Example: 192.0.2.7, 10.0.0.5=192.0.2.7";
    sending_includes: "中継サーバーの SPF", "The relay's SPF";
    sending_includes_support: "中継サーバーの会社が指定するドメインを、1 行に 1 つ書きます（SPF の include）。例）spf.example.com", "The domains that your relay's provider names for SPF (include), one a line. Example: spf.example.com";
    sending_behind(own: &str): "（内側は {own}）", "(inside {own})";
    sending_none: "未設定", "Not set";
}
