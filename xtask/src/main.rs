//! Every task of this workspace: `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

mod accel;
mod apt;
mod cache;
mod cpio;
mod guest;
mod initramfs;
mod kernel_tests;
mod kernels;
mod libtest;
mod matrix;
mod metadata;
mod module;
mod process;
mod progress;
mod qemu;
mod sources;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Every task of this workspace
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
enum Task {
    Guest(guest::Args),
    Kernels(kernels::Args),
    Matrix(matrix::Args),
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match Task::parse() {
        Task::Guest(args) => guest::run(&args),
        Task::Matrix(args) => matrix::run(&args),
        Task::Kernels(args) => kernels::run(&args).map(done),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
