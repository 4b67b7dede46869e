fn main() -> std::process::ExitCode {
    hakobu::cli::main()
}
