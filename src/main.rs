use hakobu::base::Build;

const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    root_keys: include_str!(concat!(env!("OUT_DIR"), "/release.pub")),
    more_tables: &[],
};

fn main() -> std::process::ExitCode {
    hakobu::cli::main(BUILD)
}
