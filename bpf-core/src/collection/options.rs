//! Options of loading: all that depends on the system, and not on the object.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bpf_elf::prepare::ModuleSearch;
use bpf_sys::abi::ProgramFlags;

use crate::context::Context;
use crate::map::Map;
use crate::program::Program;

/// Where BPF file systems are mounted by convention.
const BPFFS: &str = "/sys/fs/bpf";

/// How a collection is loaded. The default suits most callers.
///
/// ```
/// use bpf_core::{LoadOptions, LogLevel};
/// let options = LoadOptions::new().with_pin_path("/sys/fs/bpf/firewall").with_log_level(LogLevel::Statistics);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct LoadOptions<'a> {
    /// What is known of the running kernel. `None` makes a new one; give one to share the kernel's BTF between loads.
    pub context: Option<Context>,
    /// The name of the object. The maps of its data sections have it before their own in the kernel, as with libbpf: `firewall.rodata`.
    /// [`spec::object_name`](crate::spec::object_name) makes one of a path.
    pub object_name: Option<String>,
    /// What the verifier writes for every program. See [`ProgramOptions::log_level`] for one program.
    pub log_level: LogLevel,
    /// The folder of the maps that are pinned by name, on a bpffs. `None` is `/sys/fs/bpf`.
    pub pin_path: Option<PathBuf>,
    /// Text in the format of a kernel's `.config` for `.kconfig` externs. It goes before that of `/boot/config-RELEASE`.
    pub kconfig: Option<String>,
    /// When the types of kernel modules have a say in CO-RE relocations. `None` is [`ModuleSearch::WhenMissing`], and
    /// [`ModuleSearch::Never`] with a kernel BTF that was given to the [`Context`].
    pub module_search: Option<ModuleSearch>,
    /// BTF blobs with a name that have the same say in CO-RE relocations as the kernel's own, for types of something beside it.
    pub core_targets: Vec<(String, Vec<u8>)>,
    /// Maps that exist, by the names of the specifications whose place they take. They must be compatible; they are not filled.
    pub map_replacements: BTreeMap<String, &'a Map>,
    /// What is special for some programs, by their names.
    pub programs: BTreeMap<String, ProgramOptions<'a>>,
}

/// What is special in loading one program.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProgramOptions<'a> {
    /// Load it, or not, whatever the specification says.
    pub autoload: Option<bool>,
    /// The kernel function, tracepoint or hook to attach to, instead of the one in the section name: `FUNCTION` or `MODULE:FUNCTION`.
    pub attach_to: Option<String>,
    /// A loaded program to attach to, whose function [`attach_to`](Self::attach_to) names: for `freplace`, and for fentry and fexit on BPF programs.
    pub attach_program: Option<&'a Program>,
    /// Flags that are set in addition to those of the specification.
    pub flags: ProgramFlags,
    /// What the verifier writes for this program.
    pub log_level: Option<LogLevel>,
}

/// What the verifier writes while it checks a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogLevel {
    /// Nothing at first. When the program is refused, it is checked a second time with [`Instructions`](Self::Instructions).
    #[default]
    OnFailure,
    /// Nothing, also when the program is refused: one try.
    Off,
    /// Statistics only (Linux 5.2): the number of instructions, states, the depth of the stack.
    Statistics,
    /// Every instruction on the path that is being checked.
    Instructions,
    /// Every instruction on all paths, with the state of the registers: many megabytes for a large program.
    Paths,
}

impl LogLevel {
    /// The bits of `log_level` in `bpf(2)` for the first try.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::OnFailure | Self::Off => 0,
            Self::Instructions => 1,
            Self::Paths => 2,
            Self::Statistics => 4,
        }
    }
}

impl<'a> LoadOptions<'a> {
    /// The default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// With what is known of the running kernel already.
    #[must_use]
    pub fn with_context(mut self, context: &Context) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// With modules searched so for the types of CO-RE relocations.
    #[must_use]
    pub fn with_module_search(mut self, search: ModuleSearch) -> Self {
        self.module_search = Some(search);
        self
    }

    /// With further types for CO-RE relocations: a BTF blob, and the name that errors call it.
    #[must_use]
    pub fn with_core_target(mut self, name: impl Into<String>, btf: impl Into<Vec<u8>>) -> Self {
        self.core_targets.push((name.into(), btf.into()));
        self
    }

    /// With a name of the object, for the names of data sections in the kernel.
    #[must_use]
    pub fn with_object_name(mut self, name: impl Into<String>) -> Self {
        self.object_name = Some(name.into());
        self
    }

    /// With a log of every program.
    #[must_use]
    pub fn with_log_level(mut self, level: LogLevel) -> Self {
        self.log_level = level;
        self
    }

    /// With another folder for maps that are pinned by name.
    #[must_use]
    pub fn with_pin_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.pin_path = Some(path.into());
        self
    }

    /// With values for `.kconfig` externs: text in the format of a kernel's `.config`.
    #[must_use]
    pub fn with_kconfig(mut self, text: impl Into<String>) -> Self {
        self.kconfig = Some(text.into());
        self
    }

    /// With an existing map in place of the specification `name`.
    #[must_use]
    pub fn with_map(mut self, name: impl Into<String>, map: &'a Map) -> Self {
        self.map_replacements.insert(name.into(), map);
        self
    }

    /// With options for the program `name`.
    #[must_use]
    pub fn with_program(mut self, name: impl Into<String>, options: ProgramOptions<'a>) -> Self {
        self.programs.insert(name.into(), options);
        self
    }

    pub(crate) fn pin_folder(&self) -> &Path {
        self.pin_path.as_deref().unwrap_or(Path::new(BPFFS))
    }
}

impl<'a> ProgramOptions<'a> {
    /// Nothing special.
    pub fn new() -> Self {
        Self::default()
    }

    /// Load the program, or do not.
    #[must_use]
    pub fn with_autoload(mut self, autoload: bool) -> Self {
        self.autoload = Some(autoload);
        self
    }

    /// Attach to this kernel function, tracepoint or hook.
    #[must_use]
    pub fn with_attach_to(mut self, target: impl Into<String>) -> Self {
        self.attach_to = Some(target.into());
        self
    }

    /// Attach to `function` of a loaded program.
    #[must_use]
    pub fn with_attach_program(
        mut self,
        program: &'a Program,
        function: impl Into<String>,
    ) -> Self {
        self.attach_program = Some(program);
        self.attach_to = Some(function.into());
        self
    }

    /// Set flags in addition to those of the specification.
    #[must_use]
    pub fn with_flags(mut self, flags: ProgramFlags) -> Self {
        self.flags |= flags;
        self
    }

    /// With another log level for this program.
    #[must_use]
    pub fn with_log_level(mut self, level: LogLevel) -> Self {
        self.log_level = Some(level);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_levels_are_those_of_the_kernel() {
        let rows = [
            (LogLevel::OnFailure, 0),
            (LogLevel::Off, 0),
            (LogLevel::Instructions, 1),
            (LogLevel::Paths, 2),
            (LogLevel::Statistics, 4),
        ];
        for (level, bits) in rows {
            assert_eq!(level.bits(), bits, "{level:?}");
        }
    }

    #[test]
    fn maps_are_pinned_below_sys_fs_bpf_unless_told() {
        assert_eq!(LoadOptions::new().pin_folder(), Path::new("/sys/fs/bpf"));
        assert_eq!(
            LoadOptions::new().with_pin_path("/run/bpf").pin_folder(),
            Path::new("/run/bpf")
        );
    }

    #[test]
    fn options_add_up() {
        let program = ProgramOptions::new()
            .with_autoload(false)
            .with_attach_to("tcp_connect")
            .with_flags(ProgramFlags::SLEEPABLE)
            .with_flags(ProgramFlags::STRICT_ALIGNMENT);
        let options = LoadOptions::new().with_program("watch", program);
        let found = options.programs.get("watch").unwrap();
        assert_eq!(found.autoload, Some(false));
        assert_eq!(found.attach_to.as_deref(), Some("tcp_connect"));
        assert!(found.flags.contains(ProgramFlags::SLEEPABLE | ProgramFlags::STRICT_ALIGNMENT));
    }
}
