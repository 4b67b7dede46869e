//! Words of signing in, invitations and one's own account, and of the pages that say no.

super::words! {
    sign_in: "サインイン", "Sign in";
    sign_in_lead: "連絡先も配信も、このサーバーの中だけで。", "Your contacts and campaigns stay on this server.";
    password: "パスワード", "Password";
    password_present: "いまのパスワード", "Present password";
    password_new: "新しいパスワード", "New password";
    password_support: "15 文字以上。関係のない単語を 4 つほど並べると、長くて覚えやすくなります。空白や日本語も使えます。", "At least 15 characters. Four unrelated words make a long one that is easy to remember. Spaces and any script are fine.";
    password_show: "入力した文字を表示", "Show what I type";
    set_password: "パスワードを設定", "Set password";
    invited_title: "ようこそ", "Welcome";
    invited_lead(name: &str, role: &str): "{name} さん、{role}としてお招きしています。使うパスワードを決めてください。", "{name}, you are invited as {role}. Choose a password.";
    reset_title: "新しいパスワードの設定", "Set a new password";
    reset_lead(name: &str): "{name} さんの新しいパスワードを決めてください。設定すると、ほかの端末ではサインアウトされます。", "Choose a new password for {name}. Every other device is signed out.";
    signed_out: "サインアウトしました。", "You are signed out.";

    account_profile: "プロフィール", "Profile";
    role: "役割", "Role";
    account_language: "表示の言語", "Language of the pages";
    change_password: "パスワードを変更", "Change password";
    change_password_lead: "変更すると、ほかの端末ではサインアウトされます。", "Every other device is signed out.";
    sessions: "サインイン中の端末", "Signed-in devices";
    session_this: "この端末", "This device";
    session_agent: "端末", "Device";
    session_created: "サインイン", "Signed in";
    session_seen: "最後の利用", "Last used";
    session_end: "サインアウトさせる", "Sign it out";
    sessions_end_others: "ほかの端末をすべてサインアウトさせる", "Sign out all other devices";

    oops_not_found: "ページが見つかりません", "Page not found";
    oops_not_found_text: "アドレスが違うか、ページが移動しました。", "The address is wrong, or the page has moved.";
    oops_public_text: "メールのリンクから開いたときは、リンクが途中で切れていないか確かめてください。", "If you followed a link in a mail, check that it is complete.";
    oops_denied: "この操作は許可されていません", "You may not do this";
    oops_right(role: &str, right: &str): "役割「{role}」には「{right}」の権限がありません。必要なときは管理者に相談してください。", "The role {role} does not have the right “{right}”. Ask an admin if you need it.";
    oops_token(right: &str): "このトークンには「{right}」の権限がありません。", "This token does not have the right “{right}”.";
    oops_method: "この方法では開けません", "This cannot be opened that way";
    oops_method_text: "フォームから操作をやり直してください。", "Start again from the form.";
    oops_cross: "別のサイトからの操作は受け付けません", "Requests from other sites are refused";
    oops_csrf: "フォームの有効期限が切れました", "The form is no longer valid";
    oops_csrf_text: "何も変更されていません。前のページを開き直してから、もう一度送信してください。", "Nothing was changed. Open the page again and send the form once more.";
    oops_large: "送られた内容が大きすぎます", "What was sent is too large";
    oops_large_text(most: &str): "ここで受け取れるのは {most} までです。何も変更されていません。", "At most {most} can be taken here. Nothing was changed.";
    oops_length: "内容の長さが示されていません", "The length was not given";
    oops_length_text: "Content-Length を付けて送ってください。", "Send a Content-Length header.";
    oops_refused: "この内容では実行できません", "This cannot be done as it is";
    oops_conflict: "状態が変わっています", "Things have changed meanwhile";
    oops_later: "いまは実行できません", "Not possible right now";
    oops_bug: "問題が起きました", "Something went wrong";
    oops_bug_text: "こちら側の問題です。くり返すときは、下の受付番号を管理者に伝えてください。", "The fault is ours. If it happens again, tell an admin the request number below.";
    oops_host: "この名前では応答しません", "Not served under this name";
    oops_host_text: "公開 URL か、このコンピューター自身のアドレスで開いてください。", "Open it by its public URL, or by this computer's own address.";
    oops_sign_in: "サインインが必要です", "You need to sign in";
    oops_request: "受付番号", "Request number";
    oops_home: "ホームへ", "Go to the home page";
}
