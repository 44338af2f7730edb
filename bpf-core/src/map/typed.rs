//! Views of a map with Rust types for keys and values.

use std::marker::PhantomData;

use bpf_sys::abi::UpdateFlags;
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes};

use super::per_cpu::{Layout, PerCpu};
use super::{Keys, Map};
use crate::error::{Error, ErrorKind, Result};

/// A view of a map whose keys are `K` and whose values are `V`.
///
/// The sizes were compared with those of the map when the view was made, so no operation can read or write past a value,
/// and none allocates. zerocopy's traits are what makes a type fit: any bytes are a value of it, and it has no padding
/// (name padding as fields, as C's BPF structs do).
///
/// ```no_run
/// # fn example(map: &bpf_core::Map) -> Result<(), bpf_core::Error> {
/// use bpf_core::UpdateFlags;
/// let counts = map.typed::<u32, u64>()?;
/// counts.insert(&443, &1, UpdateFlags::ANY)?;
/// assert_eq!(counts.get(&443)?, Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TypedMap<'map, K, V> {
    map: &'map Map,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for TypedMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for TypedMap<'_, K, V> {}

impl<'map, K, V> TypedMap<'map, K, V> {
    pub(super) fn new(map: &'map Map) -> Result<Self> {
        if map.map_type().is_per_cpu() {
            return Err(Error::new(ErrorKind::WrongType, map.action("view"))
                .with_reason("its values are per CPU: use `per_cpu`"));
        }
        check_sizes::<K, V>(map)?;
        Ok(Self { map, types: PhantomData })
    }

    /// The map that this is a view of.
    pub fn map(self) -> &'map Map {
        self.map
    }
}

impl<'map, K, V> TypedMap<'map, K, V>
where
    K: IntoBytes + FromBytes + Immutable,
    V: IntoBytes + FromBytes + Immutable,
{
    /// The value of `key`, if it has one.
    pub fn get(self, key: &K) -> Result<Option<V>> {
        let mut value = V::new_zeroed();
        Ok(self.map.lookup_into(key.as_bytes(), value.as_mut_bytes())?.then_some(value))
    }

    /// The value of `key`, read under its spin lock (Linux 5.1).
    pub fn get_locked(self, key: &K) -> Result<Option<V>> {
        let mut value = V::new_zeroed();
        let found =
            self.map.lookup_into_with(key.as_bytes(), value.as_mut_bytes(), UpdateFlags::LOCK)?;
        Ok(found.then_some(value))
    }

    /// Sets the value of `key`: see [`Map::update`].
    pub fn insert(self, key: &K, value: &V, flags: UpdateFlags) -> Result<()> {
        self.map.update(key.as_bytes(), value.as_bytes(), flags)
    }

    /// Deletes `key`. False when it had no value.
    pub fn remove(self, key: &K) -> Result<bool> {
        self.map.delete(key.as_bytes())
    }

    /// Takes the value of `key` out of the map in one step (hash maps 5.14).
    pub fn take(self, key: &K) -> Result<Option<V>> {
        let mut value = V::new_zeroed();
        Ok(self.map.lookup_and_delete(key.as_bytes(), value.as_mut_bytes())?.then_some(value))
    }

    /// The keys: see [`Map::keys`].
    pub fn keys(self) -> impl Iterator<Item = Result<K>> + 'map
    where
        K: 'map,
        V: 'map,
    {
        typed_keys(self.map.keys())
    }

    /// The entries: see [`Map::entries`].
    pub fn iter(self) -> impl Iterator<Item = Result<(K, V)>> + 'map
    where
        K: 'map,
        V: 'map,
    {
        self.keys().filter_map(move |key| match key {
            Ok(key) => self.get(&key).map(|value| value.map(|value| (key, value))).transpose(),
            Err(error) => Some(Err(error)),
        })
    }
}

/// A view of a per-CPU map whose keys are `K` and whose values are `V` for each CPU.
///
/// A [`PerCpu`] made by [`zeroed`](Self::zeroed) takes the values; it has the stride and the number of CPUs that the kernel uses, so a buffer that is
/// too short cannot be passed.
///
/// ```no_run
/// # fn example(map: &bpf_core::Map) -> Result<(), bpf_core::Error> {
/// let counts = map.per_cpu::<u32, u64>()?;
/// let mut values = counts.zeroed();
/// if counts.get_into(&0, &mut values)? {
///     println!("{} on all CPUs", values.iter().sum::<u64>());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct PerCpuMap<'map, K, V> {
    map: &'map Map,
    layout: Layout,
    types: PhantomData<fn(K) -> V>,
}

impl<K, V> Clone for PerCpuMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for PerCpuMap<'_, K, V> {}

impl<'map, K, V> PerCpuMap<'map, K, V> {
    pub(super) fn new(map: &'map Map) -> Result<Self> {
        if !map.map_type().is_per_cpu() {
            return Err(Error::new(ErrorKind::WrongType, map.action("view"))
                .with_reason("its values are not per CPU: use `typed`"));
        }
        check_sizes::<K, V>(map)?;
        let shape = map.shape();
        Ok(Self {
            map,
            layout: Layout { stride: shape.stride, cpus: shape.values },
            types: PhantomData,
        })
    }

    /// The map that this is a view of.
    pub fn map(self) -> &'map Map {
        self.map
    }
}

impl<'map, K, V> PerCpuMap<'map, K, V>
where
    K: IntoBytes + FromBytes + Immutable,
    V: IntoBytes + FromBytes + Immutable,
{
    /// Values of zero bytes, of the size that this map's lookups need.
    pub fn zeroed(self) -> PerCpu<V> {
        PerCpu::zeroed(self.layout)
    }

    /// Copies the values of `key` to `values`. False when the key has none.
    pub fn get_into(self, key: &K, values: &mut PerCpu<V>) -> Result<bool> {
        self.map.lookup_into(key.as_bytes(), values.bytes_mut())
    }

    /// The values of `key`, if it has any, in a new [`PerCpu`].
    pub fn get(self, key: &K) -> Result<Option<PerCpu<V>>> {
        let mut values = self.zeroed();
        Ok(self.get_into(key, &mut values)?.then_some(values))
    }

    /// Sets the values of `key` on all CPUs: see [`Map::update`].
    pub fn insert(self, key: &K, values: &PerCpu<V>, flags: UpdateFlags) -> Result<()> {
        self.map.update(key.as_bytes(), values.bytes(), flags)
    }

    /// Deletes `key`. False when it had no values.
    pub fn remove(self, key: &K) -> Result<bool> {
        self.map.delete(key.as_bytes())
    }

    /// The keys: see [`Map::keys`].
    pub fn keys(self) -> impl Iterator<Item = Result<K>> + 'map
    where
        K: 'map,
        V: 'map,
    {
        typed_keys(self.map.keys())
    }
}

/// Keys of the size of `K`, as `K`.
fn typed_keys<'map, K: FromZeros + IntoBytes + FromBytes + 'map>(
    keys: Keys<'map>,
) -> impl Iterator<Item = Result<K>> + 'map {
    keys.map(|key| {
        key.map(|bytes| {
            let mut key = K::new_zeroed();
            // The sizes were compared when the view was made.
            for (to, from) in key.as_mut_bytes().iter_mut().zip(bytes) {
                *to = from;
            }
            key
        })
    })
}

/// The sizes of both types are those of the map.
fn check_sizes<K, V>(map: &Map) -> Result<()> {
    let value_size = usize::try_from(map.value_size()).unwrap_or(usize::MAX);
    let sizes =
        [("key", size_of::<K>(), map.shape().key_len()), ("value", size_of::<V>(), value_size)];
    match sizes.into_iter().find(|(_, ours, kernel)| ours != kernel) {
        Some((what, ours, kernel)) => Err(map.wrong_size("view", what, ours, kernel)),
        None => Ok(()),
    }
}
