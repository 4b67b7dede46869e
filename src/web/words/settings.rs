//! Words of the settings pages.

super::words! {
    general: "基本", "General";
    users: "利用者", "Users";
}
