//! What the law wants at the end of a mail (特定電子メール法): who sends, where complaints go, and, in an
//! advertisement, the way to refuse. Each half is appended where the author's own text lacks it.

use super::sender::Sender;

pub(super) struct Footer {
    html_display: String,
    text_display: String,
    /// The refusal half is appended to advertisements.
    refusal: bool,
}

impl Footer {
    /// `has_display`: does the author's text show the sender already?
    pub(super) fn new(sender: &Sender, refusal: bool, has_display: bool) -> Footer {
        let lines = if has_display { Vec::new() } else { display(sender) };
        let html: Vec<String> = lines.iter().map(|l| escape(l)).collect();
        Footer { html_display: html.join("<br>\n"), text_display: lines.join("\n"), refusal }
    }

    /// Appends to a rendered HTML part what is missing there; `token` tells whether its refusal link is in.
    pub(super) fn html(&self, mut body: String, token: &str, url: &str, web: &str) -> String {
        let refusal = self.refusal && !body.contains(token);
        if self.html_display.is_empty() && !refusal {
            return body;
        }
        let mut made = String::from(
            "<div lang=\"ja\" style=\"max-width:600px;margin:32px auto 0;padding:16px 0;border-top:1px solid #999;\
             font-size:12px;line-height:1.7;color:#555\">\n",
        );
        made.push_str(&self.html_display);
        if refusal {
            if !self.html_display.is_empty() {
                made.push_str("<br>\n");
            }
            made.push_str("今後このご案内が不要な方は、<a href=\"");
            made.push_str(&escape(url));
            made.push_str("\" style=\"color:#555\">こちらから配信を停止</a>できます。<br>\n<a href=\"");
            made.push_str(&escape(web));
            made.push_str("\" style=\"color:#555\">ブラウザーで表示する</a>");
        }
        made.push_str("\n</div>\n");
        match body.rfind("</body>") {
            Some(at) => body.insert_str(at, &made),
            None => body.push_str(&made),
        }
        body
    }

    pub(super) fn text(&self, mut body: String, token: &str, url: &str, web: &str) -> String {
        let refusal = self.refusal && !body.contains(token);
        if self.text_display.is_empty() && !refusal {
            return body;
        }
        body.truncate(body.trim_end().len());
        body.push_str("\n\n----------------------------------------\n");
        if !self.text_display.is_empty() {
            body.push_str(&self.text_display);
            body.push('\n');
        }
        if refusal {
            body.push_str(&format!("配信の停止はこちら:\n{url}\nブラウザーで表示する:\n{web}\n"));
        }
        body
    }
}

fn display(sender: &Sender) -> Vec<String> {
    let contact = (!sender.contact.is_empty()).then(|| format!("お問い合わせ・苦情の受付: {}", sender.contact));
    let lines = [Some(sender.shown_name().to_owned()), Some(sender.postal_address.clone()), contact];
    lines.into_iter().flatten().filter(|l| !l.is_empty()).collect()
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
