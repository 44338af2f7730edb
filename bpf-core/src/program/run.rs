//! Running a program on given input, without attaching it.

use bpf_sys::AsProgFd;
use bpf_sys::Errno;
use bpf_sys::abi::TestRunFlags;
use bpf_sys::prog::TestRun as Call;

use super::Program;
use crate::error::{ErrorKind, Result};

/// Room beyond the input: programs may make a packet longer. 256 bytes of head room and a VLAN tag.
const GROWTH: usize = 256 + 4;

/// What a program is run on: see [`Program::test_run`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TestRun {
    /// The packet, for programs that take one: at least 14 bytes, an Ethernet header.
    pub data: Vec<u8>,
    /// The context: `struct __sk_buff`, `struct xdp_md`, arguments of a `syscall` program. Empty for the kernel's own.
    pub context: Vec<u8>,
    /// How many times to run, one after the other, on the same data. 0 is once. Not every type of program can be repeated.
    pub repeat: u32,
    /// What is special.
    pub flags: TestRunFlags,
    /// The CPU to run on, with [`TestRunFlags::RUN_ON_CPU`].
    pub cpu: u32,
}

/// What a test run gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TestRunOutput {
    /// What the program returned.
    pub return_value: u32,
    /// The packet afterwards.
    pub data: Vec<u8>,
    /// The context afterwards.
    pub context: Vec<u8>,
    /// The mean time of a run, in nanoseconds.
    pub duration_ns: u32,
}

impl TestRun {
    /// A run without packet and context.
    pub fn new() -> Self {
        Self::default()
    }

    /// On this packet.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.data = data.into();
        self
    }

    /// With this context.
    #[must_use]
    pub fn with_context(mut self, context: impl Into<Vec<u8>>) -> Self {
        self.context = context.into();
        self
    }

    /// So many times.
    #[must_use]
    pub fn with_repeat(mut self, repeat: u32) -> Self {
        self.repeat = repeat;
        self
    }

    /// On this CPU (Linux 5.10, raw tracepoints and a few others).
    #[must_use]
    pub fn on_cpu(mut self, cpu: u32) -> Self {
        self.flags |= TestRunFlags::RUN_ON_CPU;
        self.cpu = cpu;
        self
    }
}

impl Program {
    /// Runs the program in the kernel, on given input, without attaching it (`BPF_PROG_TEST_RUN`; Linux 4.12, a context 5.2).
    ///
    /// The program really runs: it changes its maps, and sends what it sends. Which types can be run depends on the kernel;
    /// for the others the error is [`ErrorKind::WrongType`].
    pub fn test_run(&self, input: &TestRun) -> Result<TestRunOutput> {
        let mut data_out =
            vec![
                0;
                if input.data.is_empty() { 0 } else { input.data.len().saturating_add(GROWTH) }
            ];
        let mut context = input.context.clone();
        let mut context_out = vec![0; input.context.len()];
        // A `syscall` program has no output context: it writes to the input.
        let writes_back = self.kind == bpf_sys::abi::ProgramType::SYSCALL;
        let mut call = Call::default();
        call.data_in = &input.data;
        call.data_out = &mut data_out;
        call.context = &mut context;
        call.context_out = if writes_back { &mut [] } else { &mut context_out };
        call.repeat = input.repeat;
        call.flags = input.flags;
        call.cpu = input.cpu;
        let outcome = bpf_sys::prog::test_run(self.as_prog_fd(), &mut call).map_err(|source| {
            let error = self.error("test-run", source);
            match source.errno {
                Errno::ENOTSUPP | Errno::EOPNOTSUPP => {
                    error.with_kind(ErrorKind::WrongType).with_reason(format!("this kernel cannot run programs of type {}", self.kind))
                }
                Errno::EINVAL => error.with_hint("the type may need data (14 bytes or more for packets), no context, or no repetition"),
                _ => error,
            }
        })?;
        let context = if writes_back { context } else { cut(context_out, outcome.context_len) };
        Ok(TestRunOutput {
            return_value: outcome.return_value,
            data: cut(data_out, outcome.data_len),
            context,
            duration_ns: outcome.duration,
        })
    }
}

fn cut(mut bytes: Vec<u8>, len: u32) -> Vec<u8> {
    bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    bytes
}
