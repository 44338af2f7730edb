//! One run of a guest: QEMU is started, watched, and its data line read.
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::accel::{self, Accel};
use crate::apt;
use crate::cache::{self, Cache};
use crate::ending;
use crate::initramfs::{self, Contents, Payload};
use crate::kernels::Kernel;
use crate::module::{self, Module};
use crate::stream::Stream;

/// What guests need of this machine.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) cache: Cache,
    qemu: String,
    busybox: PathBuf,
    version: String,
}

impl Host {
    /// `BPF_GUEST_QEMU` names another QEMU than the one in PATH.
    pub(crate) fn open(cache: Cache) -> Result<Self> {
        let qemu =
            std::env::var("BPF_GUEST_QEMU").unwrap_or_else(|_| "qemu-system-x86_64".to_owned());
        if !qemu.contains('/') && !initramfs::in_path(&qemu) {
            return Err(apt::missing("QEMU", "qemu-system-x86"));
        }
        let busybox = initramfs::busybox(&cache).context("guests need a static busybox")?;
        let version = accel::version(&qemu)?;
        Ok(Self { cache, qemu, busybox, version })
    }

    /// Hardware virtualisation where it works, else emulation; the first call may boot the kernel once to find out.
    pub(crate) fn accel(&self, kernel: &Kernel) -> Result<Accel> {
        accel::choose(&self.cache, &self.version, || {
            let guest = Guest { timeout: accel::TRIAL, ..Guest::new(kernel, "true") };
            let run = self.run(&guest, Accel::Kvm, &mut |_| ()).ok()?;
            Some(run.ending == Ending::Exited(0))
        })
    }

    /// Boots the guest, hands on its output as it comes, and waits for its end.
    pub(crate) fn run(
        &self,
        guest: &Guest<'_>,
        accel: Accel,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Run> {
        let kernel = guest.kernel;
        let wanted = ["virtio_pci", "virtio_console"].map(str::to_owned);
        let (early, no_port) = module::with_dependencies(kernel, &wanted)?;
        let (modules, absent) = module::with_dependencies(kernel, &guest.modules)?;
        let modules: Vec<Module> =
            modules.into_iter().filter(|module| !early.contains(module)).collect();
        let scratch = self.cache.scratch()?;
        let mark =
            format!("@guest-{}", scratch.path().file_name().unwrap_or_default().to_string_lossy());
        let mut payload = guest.payload.clone();
        let hint = scratch.path().join("no-port");
        if !no_port.is_empty() && kernel.modules.is_some() {
            cache::write(&hint, "1")?;
            payload.push(Payload { source: hint, destination: "modules/no-port".to_owned() });
        }
        let root = initramfs::build(&Contents {
            kernel,
            busybox: &self.busybox,
            early: &early,
            modules: &modules,
            payload: &payload,
            command: &guest.command,
            mark: &mark,
        })?;
        // The archive is in memory twice while it is unpacked.
        let megabytes = (root.len() >> 20).saturating_mul(3).saturating_add(1024);
        let paths = ["root", "console", "data"].map(|name| scratch.path().join(name));
        let [root_path, console, data] = &paths;
        cache::write(root_path, &root)?;
        drop(root);

        let mut command = self.command(guest, accel, megabytes, &paths)?;
        let messages = fs::File::create(scratch.path().join("messages"))
            .context("cannot make a log of QEMU")?;
        command.stdin(Stdio::null()).stdout(messages.try_clone()?).stderr(messages);
        let started = Instant::now();
        let child =
            ending::spawn(&mut command).with_context(|| format!("cannot start {}", self.qemu))?;
        let mut watch = Watch {
            child,
            data,
            console,
            stream: Stream::new(&mark),
            position: 0,
            on_console: false,
        };
        let in_time = watch.until(started, guest.timeout, output)?;
        watch.stream.flush(output);
        let (status, begun) = (watch.stream.status, watch.stream.begun);
        let console =
            String::from_utf8_lossy(&fs::read(console).unwrap_or_default()).replace("\r\n", "\n");
        let messages = cache::read_text(&scratch.path().join("messages")).unwrap_or_default();
        ensure!(
            !console.is_empty() || messages.is_empty() || !in_time,
            "QEMU failed: {}",
            messages.trim()
        );
        let ending = match status {
            Some(status) => Ending::Exited(status),
            None if in_time => Ending::Died,
            None => Ending::TimedOut,
        };
        let mut notes: Vec<String> =
            absent.iter().map(|name| format!("no module {name} in {}", kernel.release)).collect();
        notes.extend(console.lines().filter(|line| line.starts_with("guest: ")).map(str::to_owned));
        // The kernel's own complaints are no failure of the command, but nobody should miss them.
        let complaints = console.lines().filter(|line| line.contains("WARNING: "));
        notes.extend(complaints.take(3).map(|line| format!("the kernel says: {line}")));
        Ok(Run { ending, begun, console, wall: started.elapsed(), notes })
    }

    fn command(
        &self,
        guest: &Guest<'_>,
        accel: Accel,
        megabytes: usize,
        [root, console, data]: &[PathBuf; 3],
    ) -> Result<Command> {
        // QEMU splits the values of some options at commas.
        let plain = |path: &Path| path.display().to_string().replace(',', ",,");
        let mut command = initramfs::bound_to_us(&self.qemu);
        command.args(accel.arguments()).args(["-smp", "2", "-m"]).arg(format!("{megabytes}M"));
        command.args(["-nodefaults", "-no-reboot", "-display", "none"]);
        command.arg("-kernel").arg(guest.kernel.image()?).arg("-initrd").arg(root);
        // Under load an emulated timer may miss the test that older kernels make of it, and they panic.
        command
            .arg("-append")
            .arg(format!("console=ttyS0 panic=-1 oops=panic no_timer_check {}", guest.append));
        command.arg("-serial").arg(format!("file:{}", plain(console)));
        command.arg("-chardev").arg(format!("file,id=data,path={}", plain(data)));
        command.args(["-device", "virtio-serial-pci"]);
        command.args(["-device", "virtserialport,chardev=data,nr=1"]);
        Ok(command)
    }
}

/// A command to run in a guest.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) kernel: &'a Kernel,
    pub(crate) payload: Vec<Payload>,
    pub(crate) modules: Vec<String>,
    /// A shell script.
    pub(crate) command: String,
    /// More of the kernel's command line.
    pub(crate) append: String,
    pub(crate) timeout: Duration,
}

impl<'a> Guest<'a> {
    pub(crate) fn new(kernel: &'a Kernel, command: &str) -> Self {
        Self {
            kernel,
            payload: Vec::new(),
            modules: Vec::new(),
            command: command.to_owned(),
            append: String::new(),
            timeout: Duration::from_secs(120),
        }
    }
}

/// How a guest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The command ended with this status.
    Exited(u8),
    /// The guest was still running when its time was over.
    TimedOut,
    /// QEMU ended before the command did: a panic, or no boot.
    Died,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) ending: Ending,
    /// Whether the command was started at all.
    pub(crate) begun: bool,
    /// All that came over the serial console: the kernel's messages.
    pub(crate) console: String,
    pub(crate) wall: Duration,
    pub(crate) notes: Vec<String>,
}

impl Run {
    /// Why the guest gave no status, with the end of its console log; nothing when it gave one.
    pub(crate) fn failure(&self) -> Option<String> {
        let what = match self.ending {
            Ending::Exited(_) => return None,
            Ending::TimedOut if self.begun => {
                "the command was still running when its time was over"
            }
            Ending::TimedOut => "the guest did not come up in time",
            Ending::Died if self.begun => "the guest ended without the command's status (a panic?)",
            Ending::Died => "the guest ended before the command was started",
        };
        let lines: Vec<&str> = self.console.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n");
        Some(format!("{what} ({:.1} s); its console:\n{tail}", self.wall.as_secs_f32()))
    }
}

struct Watch<'a> {
    child: Child,
    data: &'a Path,
    console: &'a Path,
    stream: Stream,
    position: u64,
    on_console: bool,
}

impl Watch<'_> {
    /// False: the time was over, and QEMU has been ended.
    fn until(
        &mut self,
        started: Instant,
        timeout: Duration,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<bool> {
        let mut ended_at = None;
        loop {
            let ended = self.child.try_wait().context("cannot wait for QEMU")?.is_some();
            self.read(output)?;
            if ended {
                return Ok(true);
            }
            // After its mark the guest needs a moment to power off; it is not waited for longer than that.
            if self.stream.status.is_some() {
                let since = *ended_at.get_or_insert_with(Instant::now);
                if since.elapsed() > Duration::from_secs(5) {
                    self.stop()?;
                    return Ok(true);
                }
            }
            if started.elapsed() > timeout {
                self.stop()?;
                self.read(output)?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends QEMU. One that hangs in the kernel, where no signal reaches it, is left alone after a while.
    fn stop(&mut self) -> Result<()> {
        self.child.kill().context("cannot end QEMU")?;
        let killed = Instant::now();
        while self.child.try_wait().context("cannot wait for QEMU")?.is_none()
            && killed.elapsed() < Duration::from_secs(5)
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn read(&mut self, output: &mut dyn FnMut(&[u8])) -> Result<()> {
        if !self.stream.begun
            && !self.on_console
            && fs::metadata(self.data).is_ok_and(|data| data.len() == 0)
        {
            // No byte on the data line: the mark may come over the console.
            let text = fs::read(self.console).unwrap_or_default();
            let begin = self.stream.begin.as_bytes();
            self.on_console = text.windows(begin.len()).any(|window| window == begin);
        }
        let path = if self.on_console { self.console } else { self.data };
        let Ok(mut file) = fs::File::open(path) else { return Ok(()) };
        file.seek(SeekFrom::Start(self.position)).context("cannot read the guest's output")?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).context("cannot read the guest's output")?;
        self.position = self.position.saturating_add(u64::try_from(bytes.len()).unwrap_or(0));
        self.stream.feed(&bytes, output);
        Ok(())
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stub(script: &str) -> (tempfile::TempDir, Host) {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let qemu = folder.path().join("qemu");
        // The data line is the file that -chardev names; the console the one of -serial.
        let head = "#!/bin/sh\nfor a; do case $a in file,id=data,path=*) d=${a#*path=};; file:*) c=${a#file:};; esac; done\n\
                    m=@guest-$(basename $(dirname $d)); : >$d; echo booting >$c\n";
        fs::write(&qemu, format!("{head}{script}\n")).unwrap();
        fs::set_permissions(&qemu, fs::Permissions::from_mode(0o755)).unwrap();
        let busybox = folder.path().join("busybox");
        fs::write(&busybox, "").unwrap();
        let cache = Cache::at(&folder.path().join("cache")).unwrap();
        let host =
            Host { cache, qemu: qemu.display().to_string(), busybox, version: String::new() };
        (folder, host)
    }

    fn run(script: &str, timeout: u64) -> (Run, String) {
        let (folder, host) = stub(script);
        let image = folder.path().join("vmlinuz");
        let mut bytes = vec![0; 0x400];
        bytes[0x202..0x206].copy_from_slice(b"HdrS");
        bytes[0x20e] = 0x80;
        bytes[0x280..0x283].copy_from_slice(b"9.9");
        fs::write(&image, bytes).unwrap();
        let kernel = crate::kernels::resolve(&host.cache, image.to_str().unwrap()).unwrap();
        let guest = Guest { timeout: Duration::from_secs(timeout), ..Guest::new(&kernel, "true") };
        let mut seen = Vec::new();
        let run = host.run(&guest, Accel::Kvm, &mut |bytes| seen.extend_from_slice(bytes)).unwrap();
        (run, String::from_utf8(seen).unwrap())
    }

    #[test]
    fn a_guest_ends_by_its_status_by_dying_or_by_its_time_limit() {
        let (good, output) =
            run("echo $m begin >>$d; echo hello >>$d; echo >>$d; echo $m end 4 >>$d", 60);
        assert_eq!(
            (good.ending, output.as_str(), good.failure()),
            (Ending::Exited(4), "hello\n", None)
        );

        let (on_console, output) =
            run("echo $m begin >>$c; echo hello >>$c; echo >>$c; echo $m end 0 >>$c", 60);
        assert_eq!((on_console.ending, output.as_str()), (Ending::Exited(0), "hello\n"));

        let (died, output) = run("echo $m begin >>$d; echo part >>$d; echo Kernel panic >>$c", 60);
        assert_eq!((died.ending, output.as_str()), (Ending::Died, "part\n"));
        assert!(
            died.failure().unwrap().contains("a panic?")
                && died.failure().unwrap().contains("Kernel panic")
        );

        let (silent, _) = run("true", 60);
        assert!(silent.failure().unwrap().contains("before the command was started"));

        let (slow, _) = run("exec sleep 60", 1);
        assert_eq!(slow.ending, Ending::TimedOut);
        assert!(
            slow.wall < Duration::from_secs(30)
                && slow.failure().unwrap().contains("did not come up")
        );
    }
}
