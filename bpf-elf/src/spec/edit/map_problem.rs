//! What can be wrong with a map.
use bpf_sys::abi::{MapFlags, MapType};
use thiserror::Error;

/// What the kernel, or libbpf, would refuse about a map.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MapProblem {
    /// The type fixes the size of a key.
    #[error("keys of {size} bytes: a map of type {map_type} has keys of {allowed}")]
    KeySize {
        /// The type.
        map_type: MapType,
        /// Bytes of a key.
        size: u32,
        /// The sizes that there may be.
        allowed: String,
    },
    /// The type fixes the size of a value.
    #[error("values of {size} bytes: a map of type {map_type} has values of {allowed}")]
    ValueSize {
        /// The type.
        map_type: MapType,
        /// Bytes of a value.
        size: u32,
        /// The sizes that there may be.
        allowed: String,
    },
    /// The type fixes the number of entries.
    #[error("max_entries is {max_entries}: in a map of type {map_type} it is {allowed}")]
    MaxEntries {
        /// The type.
        map_type: MapType,
        /// The number.
        max_entries: u32,
        /// The numbers that there may be.
        allowed: &'static str,
    },
    /// Flags that maps of the type do not take.
    #[error("a map of type {map_type} does not take {flags:?}")]
    Flags {
        /// The type.
        map_type: MapType,
        /// The flags that are too many.
        flags: MapFlags,
    },
    /// Flags that maps of the type need.
    #[error("a map of type {map_type} needs {flags:?}")]
    NeededFlags {
        /// The type.
        map_type: MapType,
        /// The flags that are missing.
        flags: MapFlags,
    },
    /// Flags that exclude each other.
    #[error("{flags:?} exclude each other")]
    Exclusive {
        /// The flags.
        flags: MapFlags,
    },
    /// `map_extra` has no such value for the type.
    #[error("map_extra is {map_extra:#x}: in a map of type {map_type} it is {allowed}")]
    MapExtra {
        /// The type.
        map_type: MapType,
        /// The value.
        map_extra: u64,
        /// What it may be.
        allowed: &'static str,
    },
    /// Key or value has another size than its type.
    #[error("{part}s of {size} bytes, and their type `{type_name}` has {type_size}")]
    TypeSize {
        /// `key` or `value`.
        part: &'static str,
        /// Bytes of a key or value.
        size: u32,
        /// The type.
        type_name: String,
        /// Bytes of the type.
        type_size: u64,
    },
    /// The type of keys or values is none of the BTF of the object, or has no size.
    #[error("the type {id} of its {part}s is none of the object's, or has no size")]
    NoType {
        /// `key` or `value`.
        part: &'static str,
        /// The number of the type.
        id: u32,
    },
    /// The kernel wants to know the types of keys and values.
    #[error("a map of type {map_type} needs the types of its keys and values")]
    Untyped {
        /// The type.
        map_type: MapType,
    },
    /// The inner map is missing, or the type of the map has none.
    #[error("{}", if *.expected {
        format!("a map of type {map_type} needs a definition of its inner maps")
    } else {
        format!("a map of type {map_type} has no inner maps")
    })]
    Inner {
        /// The type.
        map_type: MapType,
        /// Whether there should be one.
        expected: bool,
    },
    /// A map of this type cannot be inside of another one.
    #[error("a map of type {map_type} cannot be inside of another one")]
    InnerType {
        /// The type of the inner map.
        map_type: MapType,
    },
    /// What only a map of its own can have: pinning, contents.
    #[error("an inner map has no {what}")]
    InnerHas {
        /// `pinning` or `contents`.
        what: &'static str,
    },
    /// Something about the definition of the inner maps.
    #[error("its inner maps: {0}")]
    InInner(Box<MapProblem>),
    /// A map in a slot is not like the definition of the inner maps.
    #[error("slot {key}: map {name:?} has another {field} than the inner maps are defined with")]
    InnerDiffers {
        /// The slot.
        key: u32,
        /// The map in it.
        name: String,
        /// What differs.
        field: &'static str,
    },
    /// The map is in a slot of a map of maps, and no longer like the definition of the inner maps there.
    #[error(
        "it is in map {outer:?}, and has another {field} than the inner maps there are defined with"
    )]
    HolderDiffers {
        /// The map of maps.
        outer: String,
        /// What differs.
        field: &'static str,
    },
    /// Contents of a kind that the type does not have.
    #[error("a map of type {map_type} cannot begin with {what}")]
    ContentsKind {
        /// The type.
        map_type: MapType,
        /// The contents.
        what: &'static str,
    },
    /// More or fewer bytes than a value has.
    #[error("values of {size} bytes, and contents of {found}")]
    ContentsSize {
        /// Bytes of a value.
        size: u32,
        /// Bytes of the contents.
        found: usize,
    },
    /// The section `.kconfig` holds what the kernel is configured with: the loader writes it.
    #[error("its contents are those of the kernel's configuration")]
    Kconfig,
    /// A slot that the map does not have.
    #[error("contents for slot {key}, and max_entries is {max_entries}")]
    Slot {
        /// The slot.
        key: u32,
        /// The number of entries.
        max_entries: u32,
    },
    /// A slot is named twice.
    #[error("contents for slot {key} twice")]
    SlotTwice {
        /// The slot.
        key: u32,
    },
    /// More pairs than the map has room for.
    #[error("contents of {pairs} pairs, and max_entries is {max_entries}")]
    TooManyPairs {
        /// Pairs of a key and a value.
        pairs: usize,
        /// The number of entries.
        max_entries: u32,
    },
    /// A key or value of the contents has another size than those of the map.
    #[error("the pair of key {key:02x?}: {part}s of {size} bytes, and this one of {found}")]
    PairSize {
        /// The key.
        key: Vec<u8>,
        /// `key` or `value`.
        part: &'static str,
        /// Bytes of a key or value of the map.
        size: u32,
        /// Bytes of this one.
        found: usize,
    },
    /// A key has two values. Keys of a trie are the same if they are as far as their prefix goes.
    #[error("contents for key {key:02x?} twice")]
    PairTwice {
        /// The key.
        key: Vec<u8>,
    },
    /// The key of a trie begins with a number of bits that is larger than the key.
    #[error("the prefix of key {key:02x?} is {prefix} bits long: it is at most {most}")]
    Prefix {
        /// The key.
        key: Vec<u8>,
        /// Bits of the prefix.
        prefix: u32,
        /// Bits of a key behind their number.
        most: u32,
    },
    /// The value has a descriptor of a program, which only a process can have.
    #[error(
        "the value of key {key:02x?} has a program in its second half, which no specification can"
    )]
    PairProgram {
        /// The key.
        key: Vec<u8>,
    },
    /// Keys or values are something else by their type than what was given.
    #[error("its {part}s are {expected}, and those given {found}")]
    PairType {
        /// `key` or `value`.
        part: &'static str,
        /// What its type is.
        expected: &'static str,
        /// What was given.
        found: &'static str,
    },
    /// Keys or values were given in the byte order of this machine, and the object is in the other one.
    #[error(
        "its {part}s are in the other byte order: use a type that names its byte order, or bytes"
    )]
    PairByteOrder {
        /// `key` or `value`.
        part: &'static str,
    },
    /// A data section has one value.
    #[error("a data section begins with the bytes of a value and not with pairs")]
    SectionPairs,
    /// Only programs write to the map, not the loader.
    #[error("with the flag RDONLY nothing can be put into it before a program runs")]
    ContentsReadOnly,
    /// The contents name something that the collection does not have.
    #[error("slot {key}: the collection has no {kind} {name:?}")]
    SlotMissing {
        /// The slot.
        key: u32,
        /// `map` or `program`.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// A member of a `struct_ops` value names a program that the collection does not have, or is outside of the value.
    #[error("member at {offset}: no place for program {program:?}, or no such program")]
    Member {
        /// Bytes from the start of the value.
        offset: u32,
        /// The program.
        program: String,
    },
    /// Instructions reach into the value by its address, and the value does not go as far or cannot be reached.
    #[error(
        "function {function:?} uses byte {offset} of its value by address: a map of type {map_type} with values of {size} bytes has none"
    )]
    DirectValue {
        /// The function.
        function: String,
        /// Bytes from the start of the value.
        offset: u32,
        /// The type of the map.
        map_type: MapType,
        /// Bytes of a value.
        size: u32,
    },
    /// A variable does not fit into the value.
    #[error("variable {name:?} is not within its value")]
    Variable {
        /// The variable.
        name: String,
    },
    /// A pinned map has its name as the name of a file.
    #[error("its name cannot be that of a file to pin it to")]
    PinName,
    /// A second arena: libbpf and instructions know only one.
    #[error("the collection already has the arena {other:?}")]
    SecondArena {
        /// The other one.
        other: String,
    },
    /// The field `name` is not the name under which the map is known.
    #[error("its field `name` is {found:?}: give it another name with `rename_map`")]
    Renamed {
        /// The field.
        found: String,
    },
}
