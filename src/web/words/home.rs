//! Words of the home page, and of campaign states wherever they are shown.

use crate::campaigns::State;
use std::borrow::Borrow;

super::words! {
    home_new_campaign: "配信を作る", "New campaign";
    home_todo: "今日やること", "To do today";
    home_todo_none: "いま、対応が必要なことはありません。", "Nothing waits for you.";
    home_running: "進行中の処理", "Running now";
    home_nothing_runs: "進行中の処理はありません。", "Nothing is running.";
    home_progress(percent: u64, done: u64, total: u64): "{percent}%（{total} 件中 {done} 件）", "{percent}% ({done} of {total})";
    home_contacts: "連絡先", "Contacts";
    home_suppressed: "停止リスト", "Suppression list";
    home_recent: "最近の配信", "Recent campaigns";
    home_chart: "最近の配信の結果", "Results of recent campaigns";
    unit_people: "件", "in all";
    changed: "更新", "Changed";
    count_recipients: "宛先", "Recipients";
    count_sent: "受理", "Sent";
    count_troubled: "不達・失敗", "Bounced or failed";
    count_other: "そのほか", "Other";
    todo_relay: "メールの送信経路が設定されていません。設定するまで送信できません。", "No mail relay is set. Nothing can be sent until there is one.";
    todo_relay_do: "送信経路を設定", "Set the relay";
    todo_sender: "差出人の表示（法律で必要な名称・住所・連絡先）がまだ揃っていません。", "The sender's legal name, address and contact are not complete.";
    todo_sender_do: "差出人を設定", "Set the sender";
    todo_url(url: &str): "公開 URL {url} がこの環境につながりません。メールの配信停止リンクを開けるよう、DNS・証明書・プロキシーを確かめてください。", "The public URL {url} does not lead to this house. Check DNS, certificate and proxy, so that unsubscribe links open.";
    todo_url_do: "設定を見る", "See the settings";
    todo_recovery: "復旧コードを控えたことが、まだ確かめられていません。鍵をなくすと、データを開けなくなります。", "Nobody has shown yet that the recovery code was kept. Without it, a lost key means lost data.";
    todo_recovery_do: "復旧コードを控える", "Keep a recovery code";
    todo_contacts: "連絡先がまだありません。CSV や Excel のファイルから取り込めます。", "There are no contacts yet. Import a CSV or Excel file.";
    todo_contacts_do: "連絡先を取り込む", "Import contacts";
    todo_held(name: &str): "「{name}」は予約した時刻を過ぎたため、送信を見合わせています。", "“{name}” missed its start and is held.";
    todo_paused(name: &str): "「{name}」は一時停止中です。", "“{name}” is paused.";
    todo_damaged(name: &str): "「{name}」の記録が壊れているため、送信を止めています。", "The records of “{name}” are damaged; it is not sent.";
    todo_doubt(name: &str, n: u64): "「{name}」に、届いたか分からない宛先が {n} 件あります。", "“{name}” has {n} recipients whose outcome is not known.";
    todo_look: "確認する", "Look";
    state_draft: "下書き", "Draft";
    state_scheduled: "予約", "Scheduled";
    state_held: "確認待ち", "Held";
    state_sending: "送信中", "Sending";
    state_paused: "一時停止", "Paused";
    state_done: "完了", "Done";
    state_cancelled: "中止", "Cancelled";
    state_damaged: "破損", "Damaged";
}

impl super::Words {
    pub(crate) fn campaign_state(self, state: impl Borrow<State>) -> &'static str {
        match state.borrow() {
            State::Draft => self.state_draft(),
            State::Scheduled => self.state_scheduled(),
            State::Held => self.state_held(),
            State::Sending => self.state_sending(),
            State::Paused => self.state_paused(),
            State::Done => self.state_done(),
            State::Cancelled => self.state_cancelled(),
            State::Damaged => self.state_damaged(),
        }
    }

    /// The badge's class: colour is never the only sign, the word is there, too.
    pub(crate) fn campaign_badge(self, state: impl Borrow<State>) -> &'static str {
        match state.borrow() {
            State::Draft | State::Cancelled => "badge-calm",
            State::Scheduled | State::Sending => "badge-busy",
            State::Held | State::Paused => "badge-warn",
            State::Done => "badge-good",
            State::Damaged => "badge-bad",
        }
    }
}
