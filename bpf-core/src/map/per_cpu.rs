//! Per-CPU values: one value for each possible CPU, each in a slot whose size is a multiple of 8.

use std::marker::PhantomData;

use zerocopy::{FromBytes, Immutable, IntoBytes};

/// How the kernel lays out the values of one key of a per-CPU map: `cpus` slots of `stride` bytes,
/// the value at the start of each (libbpf: R14; `kernel/bpf/arraymap.c`, `bpf_percpu_array_copy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    value_size: usize,
    stride: usize,
    cpus: usize,
}

impl Layout {
    /// The layout for values of `value_size` bytes on `cpus` possible CPUs; `None` when the total size does not fit in memory.
    pub(crate) fn new(value_size: usize, cpus: usize) -> Option<Self> {
        let stride = value_size.checked_next_multiple_of(8)?;
        stride.checked_mul(cpus).filter(|&size| isize::try_from(size).is_ok())?;
        Some(Self { value_size, stride, cpus })
    }

    /// Bytes that one key has in all.
    pub(crate) fn size(self) -> usize {
        // Checked in `new`.
        self.stride.saturating_mul(self.cpus)
    }

    /// The bytes of the value of one CPU, without the padding of its slot.
    pub(crate) fn value(self, bytes: &[u8], cpu: usize) -> Option<&[u8]> {
        let at = self.start(cpu)?;
        bytes.get(at..)?.get(..self.value_size)
    }

    /// The same, to write to.
    pub(crate) fn value_mut(self, bytes: &mut [u8], cpu: usize) -> Option<&mut [u8]> {
        let at = self.start(cpu)?;
        bytes.get_mut(at..)?.get_mut(..self.value_size)
    }

    fn start(self, cpu: usize) -> Option<usize> {
        if cpu < self.cpus { cpu.checked_mul(self.stride) } else { None }
    }
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
    /// Values of zero bytes. The layout's value size must be that of `V`.
    pub(crate) fn zeroed(layout: Layout) -> Self {
        debug_assert_eq!(layout.value_size, size_of::<V>());
        Self { bytes: vec![0; layout.size()], layout, value: PhantomData }
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
        V::read_from_bytes(self.layout.value(&self.bytes, cpu)?).ok()
    }

    /// Sets the value of one CPU. False, and nothing changed, for a CPU number that this machine cannot have.
    pub fn set(&mut self, cpu: usize, value: &V) -> bool {
        match self.layout.value_mut(&mut self.bytes, cpu) {
            Some(slot) => value.write_to(slot).is_ok(),
            None => false,
        }
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
    fn each_slot_is_rounded_up_to_eight_bytes() {
        for (value, cpus, size) in [(1, 1, 8), (4, 2, 16), (8, 2, 16), (9, 3, 48), (12, 4, 64), (0, 4, 0), (8, 0, 0)] {
            assert_eq!(Layout::new(value, cpus).unwrap().size(), size, "{value} bytes on {cpus} CPUs");
        }
    }

    #[test]
    fn sizes_that_overflow_have_no_layout() {
        assert_eq!(Layout::new(usize::MAX, 1), None);
        assert_eq!(Layout::new(usize::MAX / 2, 4), None);
        assert_eq!(Layout::new(isize::MAX as usize, 1), None);
    }

    #[test]
    fn values_do_not_touch_each_other() {
        let mut values = PerCpu::<u32>::zeroed(Layout::new(4, 3).unwrap());
        assert!(values.set(1, &0xffff_ffff));
        assert_eq!(values.iter().collect::<Vec<_>>(), [0, u32::MAX, 0]);
        assert_eq!(values.bytes().iter().filter(|&&byte| byte != 0).count(), 4);
        assert_eq!((values.len(), values.is_empty()), (3, false));
        values.fill(&7);
        assert_eq!(values.iter().sum::<u32>(), 21);
    }

    #[test]
    fn unknown_cpus_have_no_value() {
        let mut values = PerCpu::<u64>::zeroed(Layout::new(8, 2).unwrap());
        assert!(!values.set(2, &1));
        assert_eq!(values.get(2), None);
        assert_eq!(values.get(usize::MAX), None);
        assert!(values.bytes().iter().all(|&byte| byte == 0));
    }
}
