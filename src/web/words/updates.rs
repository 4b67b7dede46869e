//! Words of the update pages, and the names of an update's steps.

super::words! {
    menu_updates: "更新", "Updates";
    updates_lead: "いま動いている版と、これまでの更新です。更新の間も、画面と配信停止の受付は止まりません。", "The version that runs, and the updates before. Pages and unsubscribing go on during an update.";
    updates_now: "いまの版", "What runs now";
    updates_version: "版", "Version";
    updates_slot: "スロット", "Slot";
    updates_installed: "インストールした本体", "The installed program";
    updates_previous: "戻せる版", "Version to go back to";
    updates_door: "玄関", "Door";
    updates_worker: "ワーカー", "Worker";
    updates_process(version: &str, pid: u32, since: &str): "版 {version}、プロセス {pid}、{since} から", "version {version}, process {pid}, since {since}";
    updates_no_door: "ありません", "None";
    updates_last_held: "前回の切り替えで待たせた時間", "Held at the last switch";
    updates_admin: "管理画面", "Admin pages";
    updates_public: "公開ページ", "Public pages";
    updates_going: "更新中", "Update in progress";
    updates_going_text(from: &str, to: &str): "{from} から {to} へ更新しています。このページは閉じても構いません。", "From {from} to {to}. You may close this page.";
    updates_step_now: "実行中", "now";
    updates_preparing: "準備（署名の確認、写しの上での試運転、世代の保存）", "Preparing (signatures, rehearsal on a copy, a generation)";
    updates_handed: "準備ができました。切り替えを始めます。", "All is ready. The switch begins.";
    updates_not_begun: "更新を始めませんでした。何も変わっていません。", "The update did not begin. Nothing has changed.";
    updates_trying: "試行中", "Being tried";
    updates_new: "新しい版", "New version";
    updates_no_offer: "いまの版より新しい版は、まだ見つかっていません。", "Nothing newer has been found yet.";
    updates_find: "新しい版を探す", "Find a newer version";
    updates_from: "入手元", "Comes from";
    updates_from_file: "選んだファイル", "The chosen file";
    updates_from_source: "設定した取得元", "The configured source";
    updates_size: "大きさ", "Size";
    updates_made: "作られた日時", "Made";
    updates_expires: "適用の期限", "May be applied until";
    updates_look_lead(place: &str): "取得元（{place}）に、新しい版があるか確かめます。", "Asks the source ({place}) for something newer.";
    updates_no_place: "新しい版の取得元は、まだ決めていません。決めると、ここから確かめられます。", "There is no source of new versions yet. With one, you can look for them here.";
    updates_place_do: "取得元を決める", "Choose a source";
    updates_place_change: "取得元を変える", "Change the source";
    updates_look_do: "新しい版を確かめる", "Look for a newer version";
    updates_file: "更新ファイル", "Bundle";
    updates_file_support: "外につながらないサーバーでは、受け取ったファイルを選びます。署名が正しいものだけを受け付けます。例）hakobu-1.2.0-x86_64-linux.tar.gz", "For servers without a way out. Only what is signed properly is taken. Example: hakobu-1.2.0-x86_64-linux.tar.gz";
    updates_bring_do: "ファイルを確かめる", "Check the file";
    updates_probation: "見極め期間（分）", "Probation (minutes)";
    updates_probation_support(least: &str, most: &str): "切り替えた後、この時間だけ新しい版を見守ります。その間に問題が起きると、自動で元の版に戻ります。{least}〜{most} の整数で入力します。例）10", "After the switch, the new version is watched for this long. If anything goes wrong meanwhile, it goes back by itself. A whole number from {least} to {most}. Example: 10";
    updates_apply_do: "この版に更新する", "Update to this version";
    updates_apply_ask(version: &str): "版 {version} に更新します。問題が起きたときは、自動で元の版に戻ります。", "Update to version {version}? If anything goes wrong, it goes back by itself.";
    updates_back_do(version: &str): "版 {version} に戻す", "Go back to version {version}";
    updates_back_ask(version: &str): "版 {version} に戻します。データはそのまま残ります。", "Go back to version {version}? The data stays as it is.";
    updates_tried(when: &str): "この版は {when} に一度試し、更新しませんでした。原因を確かめてから、もう一度試してください。", "This version was tried on {when} and not kept. Look at the cause before you try it again.";
    updates_tried_why: "そのときの記録を見る", "See what happened";
    updates_history: "これまでの更新", "Past updates";
    updates_none: "まだ更新の記録はありません。", "There are no updates yet.";
    updates_when: "日時", "When";
    updates_what: "内容", "From and to";
    updates_result: "結果", "Result";
    updates_held: "待たせた操作", "Requests that waited";
    updates_longest: "最長", "Longest wait";
    updates_steps: "手順", "Steps";
    updates_step: "手順", "Step";
    updates_took: "時間", "Time";
    updates_detail: "詳細", "Detail";
    updates_record: "更新の記録", "Record of an update";
    updates_cause: "戻した原因", "Why it went back";
    updates_good: "よい", "Good";
    updates_bad: "失敗", "Failed";
    updates_ms(ms: &str): "{ms} ミリ秒", "{ms} ms";
    updates_updated: "更新しました", "Updated";
    updates_rolled_back: "元に戻しました", "Went back";
    updates_refused: "受け付けませんでした", "Refused";
    updates_change: "変更の記録", "What changed";
    updates_no_change: "この版には、変更の記録が付いていません。", "This version brings no change record.";

    notice_before: "事前のお知らせ", "Notice before an update";
    notice_after: "完了のお知らせ", "Notice of completion";
    notice_before_lead: "内容、日時、停止の見込みを、利用者に前もって知らせます。", "Tells users what will change, when, and what to expect.";
    notice_after_lead: "更新が終わったこと（または取りやめたこと）を、実際の数値とともに知らせます。", "Tells users that it is done (or was taken back), with the real figures.";
    notice_at: "更新する日時", "When the update will be";
    notice_at_support: "日本時間。7 日以上前に知らせます。例）2026-12-04 10:00", "Japan time, at least 7 days ahead. Example: 2026-12-04 10:00";
    notice_fill: "文面を作り直す", "Write it anew";
    notice_preview: "文面", "The mail";
    notice_in_ja: "日本語", "In Japanese";
    notice_in_en: "英語", "In English";
    notice_late(days: u64): "この日時まで、あと {days} 日です。お約束の 7 日前を過ぎています。急ぎの修正でなければ、日時を後ろにずらしてください。", "Only {days} days are left. 7 are promised: choose a later date unless the fix is urgent.";
    notice_past: "この日時は過ぎています。", "This lies in the past.";
    notice_users: "利用者に送る", "Send to users";
    notice_users_lead(n: u64): "有効な利用者のうち、まだ受け取っていない {n} 人に、いますぐ 1 通ずつ送ります。一斉配信とは別の扱いです。", "Active users who have not got it yet: {n}. Each gets one mail now, apart from campaigns.";
    notice_users_do: "いま送る", "Send now";
    notice_ask(n: u64): "{n} 人にいま送ります。取り消せません。", "Send to {n} users now? This cannot be undone.";
    notice_all_told: "有効な利用者は、全員受け取っています。", "All active users have got it.";
    notice_sent_line(when: &str, who: &str, n: u64): "{when}に {who} が送信（受理 {n} 通）", "Sent {when} by {who} (accepted: {n})";
    notice_refused_line(n: u64): "断られた宛先 {n} 件", "Refused: {n}";
    notice_not_sent: "まだ送っていません", "Not sent yet";
    notice_going(done: &str, total: &str): "送っています（{done} / {total} 人）。このページは閉じても構いません。", "Sending ({done} of {total}). You may close this page.";
    notice_done(accepted: &str): "{accepted} 人に送りました。", "Sent to {accepted} users.";
    notice_broken(accepted: &str): "{accepted} 人に送ったところで止まりました。もう一度送ると、残りの人にだけ送ります。", "It stopped after {accepted} users. Send again, and only the others get it.";
    notice_contacts: "連絡先にも知らせる", "Tell contacts, too";
    notice_contacts_lead: "連絡のメールの下書きを作ります。宛先を選び、点検してから送れます。", "Makes a draft of kind notice. You choose its recipients and check it before it is sent.";
    notice_draft_do: "下書きを作る", "Make a draft";
    notice_for(version: &str): "版 {version}", "Version {version}";

    source_title: "更新の取得元", "Source of updates";
    source_lead: "新しい版を探す場所です。どこから受け取っても、署名が正しいものだけを受け付けます。", "Where new versions are looked for. Wherever they come from, only what is signed properly is taken.";
    source_where: "探す場所", "Where to look";
    source_kind: "種類", "Kind";
    source_github: "GitHub", "GitHub";
    source_gitlab: "GitLab", "GitLab";
    source_gitea: "Gitea（Forgejo を含む）", "Gitea (also Forgejo)";
    source_s3: "S3（互換サービスを含む）", "S3 (also compatible services)";
    source_folder: "このサーバーのフォルダー", "A folder on this server";
    source_none: "使わない", "None";
    source_none_means: "受け取ったファイルを選んで更新します。", "Updates come as files that you choose.";
    source_project: "プロジェクト", "Project";
    source_project_support: "運営者名と名前を / でつなぎます。例）example/hakobu", "Owner and name, with a slash between. Example: example/hakobu";
    source_url: "サイトの URL", "URL of the site";
    source_url_support: "github.com、gitlab.com、gitea.com なら空欄にします。GitHub Enterprise では API の URL を入力します。例）https://git.example.jp", "Left empty for github.com, gitlab.com and gitea.com. For GitHub Enterprise, the URL of its API. Example: https://git.example.jp";
    source_token: "アクセストークン", "Access token";
    source_token_support: "非公開のプロジェクトだけに要ります。封印して保存し、画面には二度と表示しません。", "For a private project only. Kept sealed, and never shown again.";
    source_token_kept: "保存してあります。空欄なら、それを使い続けます。種類か URL を変えるときは入力し直してください。", "There is one. Left empty, it is kept. Type it again when kind or URL change.";
    source_token_drop: "保存してあるトークンを消す", "Forget the token that is kept";
    source_bucket: "バケット", "Bucket";
    source_bucket_support: "例）hakobu-releases", "Example: hakobu-releases";
    source_region: "リージョン", "Region";
    source_region_support: "Amazon S3 では必ず入力します。例）ap-northeast-1", "Always needed for Amazon S3. Example: ap-northeast-1";
    source_prefix: "名前の先頭", "Prefix";
    source_prefix_support: "バケットの中の場所を絞るときに入力します。例）stable/", "When only a part of the bucket is meant. Example: stable/";
    source_bucket_url: "互換サービスの URL", "URL of a compatible service";
    source_bucket_url_support: "Amazon S3 なら空欄にします。バケット名まで含めます。例）https://s3.example.jp/hakobu-releases", "Left empty for Amazon S3. With the bucket in it. Example: https://s3.example.jp/hakobu-releases";
    source_path: "フォルダーの場所", "Where the folder is";
    source_path_support: "サーバーの中での場所を / から書きます。例）/media/usb/hakobu", "Its place on the server, from the first slash on. Example: /media/usb/hakobu";
    source_check: "取得元を確かめる", "Check the source";
    source_check_lead: "取得元に接続し、新しい版があるかを確かめます。更新はしません。", "Connects to the source and looks for something newer. Nothing is updated.";
    source_check_do: "いま確かめる", "Check now";

    news_title(version: &str): "新しくなりました（版 {version}）", "What is new (version {version})";
    news_read: "読みました", "I have read it";

    step_fetch: "取得", "Fetch";
    step_verify: "署名と中身の確認", "Verify signatures and contents";
    step_slot: "スロットへの配置", "Put into a slot";
    step_preflight: "写しの上での試運転", "Rehearsal on a copy";
    step_preflight_crypto: "　暗号の自己診断", "— self-test of encryption";
    step_preflight_open: "　写しを開いて移行", "— the copy is opened and migrated";
    step_preflight_write: "　写しへの書き込み", "— a write to the copy";
    step_preflight_pages: "　画面の描画", "— pages are drawn";
    step_generation: "世代の保存", "Keep a generation";
    step_warm: "新しい版の準備", "Warm the new version";
    step_quiesce: "送信を休止", "Rest delivery";
    step_pause: "受付を保留", "Hold requests";
    step_drain: "処理中の操作を待つ", "Wait for requests under way";
    step_close: "元の版がデータを閉じる", "The old version closes the data";
    step_open: "新しい版がデータを開く", "The new version opens the data";
    step_health: "健康診断", "Health check";
    step_switch: "切り替え", "Switch";
    step_resume: "送信を再開", "Resume delivery";
    step_probation: "見極め期間", "Probation";
    step_probation_of(length: &str): "見極め期間（{length}）", "Probation ({length})";
    in_minutes(n: u64): "{n} 分", "{n} min";
    step_commit: "確定", "Commit";
    step_files_put_back: "1. ファイルを戻す", "1. Files put back";
    step_database: "2. データベース", "2. Database";
    step_processes_restarted: "3. プロセスの再起動", "3. Processes restarted";
    step_operation_checked: "4. 動作の確認", "4. Operation checked";
    step_reported: "5. 原因と結果の報告", "5. Cause and result reported";

    detail_pages(n: &str): "{n} 画面", "{n} pages";
    detail_link_unchanged: "起動する版は変えていません", "What a start runs was not changed";
    detail_untouched: "触れていません", "Not touched";
    detail_transaction: "移行は取り消され、元のままです", "The migration was rolled back as a whole";
    detail_additive: "追加された表だけが残り、データはそのままです", "Only added tables stay; data is as it was";
    detail_undisturbed: "止まらずに動き続けました", "It went on undisturbed";
    detail_fresh: "新しく起動しました", "Started anew";
    detail_opened: "データを開いて応答しています", "It answers with its data open";
}

impl super::Words {
    /// A step that a later release has added keeps its own name.
    pub(crate) fn step_name(self, step: &str) -> String {
        let known = match step {
            "fetch" => self.step_fetch(),
            "verify" => self.step_verify(),
            "slot" => self.step_slot(),
            "preflight" => self.step_preflight(),
            "preflight.crypto" => self.step_preflight_crypto(),
            "preflight.open" => self.step_preflight_open(),
            "preflight.write" => self.step_preflight_write(),
            "preflight.pages" => self.step_preflight_pages(),
            "generation" => self.step_generation(),
            "warm" => self.step_warm(),
            "quiesce" => self.step_quiesce(),
            "pause" => self.step_pause(),
            "drain" => self.step_drain(),
            "close" => self.step_close(),
            "open" => self.step_open(),
            "health" => self.step_health(),
            "switch" => self.step_switch(),
            "resume" => self.step_resume(),
            "probation" => self.step_probation(),
            "commit" => self.step_commit(),
            "files_put_back" => self.step_files_put_back(),
            "database" => self.step_database(),
            "processes_restarted" => self.step_processes_restarted(),
            "operation_checked" => self.step_operation_checked(),
            "reported" => self.step_reported(),
            other => return other.to_owned(),
        };
        known.to_owned()
    }

    pub(crate) fn step_detail(self, detail: &str) -> String {
        let known = match detail {
            "link_unchanged" => self.detail_link_unchanged(),
            "untouched" => self.detail_untouched(),
            "transaction" => self.detail_transaction(),
            "additive" => self.detail_additive(),
            "undisturbed" => self.detail_undisturbed(),
            "fresh" => self.detail_fresh(),
            "opened" => self.detail_opened(),
            other => {
                let pages = other.strip_suffix(" pages").filter(|n| n.parse::<u64>().is_ok());
                return pages.map_or_else(|| other.to_owned(), |n| self.detail_pages(n));
            }
        };
        known.to_owned()
    }
}
