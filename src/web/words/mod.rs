//! The catalogue: every word of the pages, in both languages, checked by the compiler. One file per group of pages.

use crate::base::Lang;

mod audience;
mod campaigns;
mod domains;
mod frame;
mod home;
mod import;
mod relay;
mod settings;
mod setup;
mod signin;
mod updates;

/// The words in one language: `w.sign_in()`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words(pub(crate) Lang);

/// `words! { save: "保存", "Save"; rows(n: u64): "{n} 件", "{n} rows"; }`: both languages or it does not compile.
macro_rules! words {
    ($($name:ident $(($($arg:ident: $ty:ty),+))? : $ja:literal, $en:literal;)*) => {
        impl $crate::web::words::Words {
            $($crate::web::words::words!(@one $name $(($($arg: $ty),+))? $ja $en);)*
        }
        /// Names and texts, for the tests of the catalogue.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $ja, $en)),*];
    };
    (@one $name:ident $ja:literal $en:literal) => {
        pub(crate) fn $name(self) -> &'static str {
            self.0.pick($ja, $en)
        }
    };
    (@one $name:ident ($($arg:ident: $ty:ty),+) $ja:literal $en:literal) => {
        pub(crate) fn $name(self, $($arg: $ty),+) -> String {
            match self.0 {
                $crate::base::Lang::Ja => format!($ja),
                $crate::base::Lang::En => format!($en),
            }
        }
    };
}
pub(crate) use words;

#[cfg(test)]
#[rustfmt::skip] // a line each, so that two new groups do not collide
pub(crate) fn catalogue() -> Vec<(&'static str, &'static str, &'static str)> {
    [
        audience::ALL,
        campaigns::ALL,
        domains::ALL,
        frame::ALL,
        home::ALL,
        import::ALL,
        relay::ALL,
        settings::ALL,
        setup::ALL,
        signin::ALL,
        updates::ALL,
    ]
    .concat()
}
