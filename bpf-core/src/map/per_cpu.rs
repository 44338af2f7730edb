//! Per-CPU values: one value for each possible CPU, each in a slot whose size is a multiple of 8.

use std::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How the kernel lays out the values of one key of a per-CPU map: `cpus` slots of `stride` bytes, the value at the start of each
/// (libbpf: R14; `kernel/bpf/arraymap.c`, `bpf_percpu_array_copy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) stride: usize,
    pub(crate) cpus: usize,
}

/// The values that one key of a per-CPU map has: one for each possible CPU.
///
/// Made by [`PerCpuMap::zeroed`](crate::PerCpuMap::zeroed) with the size that its map needs, and used again for any number of lookups.
/// The index is the CPU number; CPUs that are not online have a value too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerCpu<V> {
    bytes: Vec<u8>,
    layout: Layout,
    value: PhantomData<V>,
}

impl<V: FromBytes + IntoBytes + Immutable> PerCpu<V> {
    /// Values of zero bytes.
    pub(crate) fn zeroed(layout: Layout) -> Self {
        Self {
            bytes: vec![0; layout.stride.saturating_mul(layout.cpus)],
            layout,
            value: PhantomData,
        }
    }

    /// The number of possible CPUs.
    pub fn len(&self) -> usize {
        self.layout.cpus
    }

    /// False on any machine that runs.
    pub fn is_empty(&self) -> bool {
        self.layout.cpus == 0
    }

    /// The value of one CPU; `None` for a CPU number that this machine cannot have.
    pub fn get(&self, cpu: usize) -> Option<V> {
        V::read_from_prefix(self.bytes.get(self.start(cpu)?..)?).ok().map(|(value, _)| value)
    }

    /// Sets the value of one CPU. False, and nothing changed, for a CPU number that this machine cannot have.
    pub fn set(&mut self, cpu: usize, value: &V) -> bool {
        let slot = self.start(cpu).and_then(|at| self.bytes.get_mut(at..));
        slot.is_some_and(|slot| value.write_to_prefix(slot).is_ok())
    }

    /// Sets the value of every CPU.
    pub fn fill(&mut self, value: &V) {
        for cpu in 0..self.layout.cpus {
            self.set(cpu, value);
        }
    }

    /// The values in the order of CPU numbers.
    pub fn iter(&self) -> impl Iterator<Item = V> + '_ {
        (0..self.layout.cpus).filter_map(|cpu| self.get(cpu))
    }

    fn start(&self, cpu: usize) -> Option<usize> {
        if cpu < self.layout.cpus { cpu.checked_mul(self.layout.stride) } else { None }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_touch_each_other() {
        let mut values = PerCpu::<u32>::zeroed(Layout { stride: 8, cpus: 3 });
        assert!(values.set(1, &0xffff_ffff));
        assert_eq!(values.iter().collect::<Vec<_>>(), [0, u32::MAX, 0]);
        assert_eq!(values.bytes().iter().filter(|&&byte| byte != 0).count(), 4);
        assert_eq!((values.len(), values.is_empty()), (3, false));
        values.fill(&7);
        assert_eq!(values.iter().sum::<u32>(), 21);
    }

    #[test]
    fn unknown_cpus_have_no_value() {
        let mut values = PerCpu::<u64>::zeroed(Layout { stride: 8, cpus: 2 });
        assert!(!values.set(2, &1));
        assert_eq!(values.get(2), None);
        assert_eq!(values.get(usize::MAX), None);
        assert!(values.bytes().iter().all(|&byte| byte == 0));
    }
}
