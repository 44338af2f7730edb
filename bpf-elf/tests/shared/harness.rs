//! The command line of the test harness, for a program that is one test.

/// Whether the test with this name is to run. Where tests are to be listed, this lists it, and the answer is no.
pub(crate) fn wants(name: &str) -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{name}: test");
        return false;
    }
    let mut filters = arguments.iter().filter(|argument| !argument.starts_with('-')).peekable();
    filters.peek().is_none() || filters.any(|filter| name.contains(filter.as_str()))
}
