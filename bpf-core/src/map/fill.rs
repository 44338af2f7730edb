//! What a map holds before the first program runs: one value, or pairs of keys and values.

use bpf_elf::spec::MapPair;
use bpf_sys::abi::{MapType, UpdateFlags};

use super::Map;
use crate::error::{Error, ErrorKind, Result};

impl Map {
    /// Writes the one value that the map begins with: in a per-CPU map (section `.percpu`) the same for every CPU.
    pub(crate) fn fill(&self, value: &[u8]) -> Result<()> {
        self.put(&0_u32.to_ne_bytes(), value)
    }

    /// Writes the pairs that the map begins with, whose sizes must be those of the map: in a per-CPU map each value for every CPU.
    pub(crate) fn fill_pairs(&self, pairs: &[MapPair]) -> Result<()> {
        if !pairs.is_empty() && takes_descriptors(self.map_type()) {
            return Err(Error::new(ErrorKind::InvalidSpec, self.action("fill")).with_reason(
                format!(
                    "keys or values of a map of type {} are descriptors, which no specification has",
                    self.map_type()
                ),
            ));
        }
        let value_size = usize::try_from(self.value_size()).unwrap_or(usize::MAX);
        let sizes = [("key", self.shape().key_len()), ("value", value_size)];
        for MapPair { key, value } in pairs {
            let action = || self.action(&format!("put key {key:02x?} into"));
            for ((what, want), got) in sizes.into_iter().zip([key.len(), value.len()]) {
                if got != want {
                    return Err(Error::new(ErrorKind::WrongSize, action())
                        .with_reason(format!("the {what} has {got} bytes, the map's has {want}")));
                }
            }
            self.put(key, value).map_err(|error| error.with_action(action()))?;
        }
        Ok(())
    }

    fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        let shape = self.shape();
        if !shape.map_type.is_per_cpu() {
            return self.update(key, value, UpdateFlags::ANY);
        }
        self.update(key, &for_each_cpu(value, shape.stride, shape.values), UpdateFlags::ANY)
    }
}

/// A number as key or value would be the descriptor of whatever this process has open.
fn takes_descriptors(map_type: MapType) -> bool {
    map_type.holds_descriptors()
        || matches!(
            map_type,
            MapType::SOCKMAP
                | MapType::SOCKHASH
                | MapType::REUSEPORT_SOCKARRAY
                | MapType::XSKMAP
                | MapType::SK_STORAGE
                | MapType::INODE_STORAGE
                | MapType::TASK_STORAGE
                | MapType::CGRP_STORAGE
        )
}

/// A value in a slot of `stride` bytes for each of this many CPUs.
fn for_each_cpu(value: &[u8], stride: usize, cpus: usize) -> Vec<u8> {
    let mut slot = value.to_vec();
    slot.resize(stride.max(value.len()), 0);
    slot.repeat(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_gets_the_value_that_the_specification_has() {
        let rows: [(&[u8], usize, usize, &[u8]); 3] = [
            (&[1, 2], 8, 2, &[1, 2, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0]),
            (&[3; 8], 8, 1, &[3; 8]),
            (&[], 8, 0, &[]),
        ];
        for (value, stride, cpus, expected) in rows {
            assert_eq!(for_each_cpu(value, stride, cpus), expected);
        }
    }

    #[test]
    fn descriptors_are_no_numbers_of_a_specification() {
        let rows = [
            (MapType::PROG_ARRAY, true),
            (MapType::HASH_OF_MAPS, true),
            (MapType::CGROUP_ARRAY, true),
            (MapType::SOCKHASH, true),
            (MapType::XSKMAP, true),
            (MapType::TASK_STORAGE, true),
            (MapType::HASH, false),
            (MapType::LPM_TRIE, false),
            (MapType::CPUMAP, false),
            (MapType::DEVMAP, false),
        ];
        for (map_type, expected) in rows {
            assert_eq!(takes_descriptors(map_type), expected, "{map_type}");
        }
    }
}
