//! Every task of this workspace: `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod accel;
mod api;
mod apt;
mod big_endian;
mod btf;
mod cache;
mod cpio;
mod demo;
mod ending;
mod fixtures;
mod fuzz;
mod guest;
mod initramfs;
mod kernel_btf;
mod kernel_tests;
mod kernels;
mod libtest;
mod matrix;
mod metadata;
mod module;
mod msrv;
mod process;
mod progress;
mod qemu;
mod selftests;
mod sources;
mod stream;
mod table;
mod targets;
mod test;
mod tools;
mod version;
mod walls;

use std::process::ExitCode;

use clap::Parser;

/// Every task of this workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Task {
    Test(test::Args),
    Demo(demo::Args),
    Guest(guest::Args),
    Matrix(matrix::Args),
    Kernels(kernels::Args),
    Btf(btf::Args),
    Fixtures(fixtures::Args),
    Api(api::Args),
    Selftests(selftests::Args),
    Fuzz(fuzz::Args),
    /// Run the unprivileged tests of the pure crates as big-endian programs, under user-mode QEMU
    BigEndian,
    /// Build the crates that work anywhere for other targets (aarch64, s390x, wasm32), and prove which need no `std`
    Targets,
    /// Check what the architecture forbids: edges between crates, foreign names, unsafe code, sizes of files
    Walls,
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let task = Task::parse();
    let result = ending::listen().and_then(|()| match task {
        Task::Test(args) => test::run(&args),
        Task::Demo(args) => demo::run(&args),
        Task::Guest(args) => guest::run(&args),
        Task::Matrix(args) => matrix::run(&args),
        Task::Kernels(args) => kernels::run(&args).map(done),
        Task::Btf(args) => btf::run(&args),
        Task::Fixtures(args) => fixtures::run(&args).map(done),
        Task::Api(args) => api::run(&args).map(done),
        Task::Selftests(args) => selftests::run(&args),
        Task::Fuzz(args) => Ok(fuzz::run(&args)),
        Task::BigEndian => Ok(big_endian::run()),
        Task::Targets => Ok(targets::run()),
        Task::Walls => walls::run().map(done),
    });
    ending::exit(result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    }))
}
