//! Where names are in a list, without a second copy of the names.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;

/// Lists up to this length are searched from their start.
const SHORT: usize = 8;

const FREE: u32 = u32::MAX;
/// What was here is gone, and what was put behind it because of it may still be there.
const LEFT: u32 = u32::MAX - 1;

/// A hash table of positions in a list of named things, which has the names: 5 to 12 bytes for each of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Positions {
    hasher: RandomState,
    /// The length is a power of two, or 0 as long as the list is short.
    places: Vec<u32>,
    /// Places that are not free.
    used: usize,
}

type Entry<T> = (Arc<str>, T);

impl Positions {
    /// Where the thing of this name is in the list.
    pub(super) fn find<T>(&self, list: &[Entry<T>], name: &str) -> Option<usize> {
        if self.places.is_empty() {
            return list.iter().position(|(known, _)| **known == *name);
        }
        let (_, position) = self.place_of(list, name)?;
        Some(position)
    }

    /// Makes room for a list of this length.
    pub(super) fn reserve<T>(&mut self, list: &[Entry<T>], len: usize) {
        if len > SHORT && Self::room_for(len) > self.places.len() {
            self.rebuild(list, len);
        }
    }

    /// The last thing of the list is new.
    pub(super) fn added<T>(&mut self, list: &[Entry<T>]) {
        if self.places.is_empty() && list.len() <= SHORT {
            return;
        }
        // Some places are always free, so that each search ends.
        if self.used.saturating_add(1) > Self::most(self.places.len()) {
            // A list that needs more than most of the places gets twice as many.
            self.moved(list);
        } else if let Some(((name, _), position)) = list.last().zip(list.len().checked_sub(1)) {
            self.put(name, position);
        }
    }

    /// The thing of this name is about to leave the list, or to get another name.
    pub(super) fn leaves<T>(&mut self, list: &[Entry<T>], name: &str) {
        if let Some((place, _)) = self.place_of(list, name) {
            if let Some(place) = self.places.get_mut(place) {
                *place = LEFT;
            }
        }
    }

    /// The thing at this position has another name now.
    pub(super) fn renamed<T>(&mut self, list: &[Entry<T>], position: usize) {
        if self.used.saturating_add(1) > Self::most(self.places.len()) {
            self.moved(list);
        } else if let Some((name, _)) = list.get(position) {
            self.put(name, position);
        }
    }

    /// The list is another one.
    pub(super) fn moved<T>(&mut self, list: &[Entry<T>]) {
        self.rebuild(list, list.len());
    }

    fn rebuild<T>(&mut self, list: &[Entry<T>], len: usize) {
        // Nobody has so many names; a list that did would be searched from its start.
        let countable = u32::try_from(list.len()).is_ok_and(|len| len < LEFT);
        let len = if len > SHORT && countable { Self::room_for(len) } else { 0 };
        self.places = vec![FREE; len];
        self.used = 0;
        if len != 0 {
            for (position, (name, _)) in list.iter().enumerate() {
                self.put(name, position);
            }
        }
    }

    /// Places for a list of this length.
    fn room_for(len: usize) -> usize {
        len.saturating_mul(3).checked_div(2).and_then(usize::checked_next_power_of_two).unwrap_or(0)
    }

    /// How many of these places may be used.
    fn most(places: usize) -> usize {
        places.saturating_mul(3).checked_div(4).unwrap_or(0)
    }

    /// The places where a name may be, the likeliest first.
    fn probes(&self, name: &str) -> impl Iterator<Item = usize> + use<> {
        let mask = self.places.len().wrapping_sub(1);
        let hash = usize::try_from(self.hasher.hash_one(name) >> 32).unwrap_or_default();
        (0..=mask).map(move |step| hash.wrapping_add(step) & mask)
    }

    fn put(&mut self, name: &str, position: usize) {
        let Ok(position) = u32::try_from(position) else { return };
        for place in self.probes(name) {
            let Some(place) = self.places.get_mut(place) else { return };
            if *place == FREE {
                *place = position;
                self.used = self.used.saturating_add(1);
                return;
            }
        }
    }

    /// The place and the position of a name.
    fn place_of<T>(&self, list: &[Entry<T>], name: &str) -> Option<(usize, usize)> {
        if self.places.is_empty() {
            return None;
        }
        for place in self.probes(name) {
            match *self.places.get(place)? {
                FREE => return None,
                LEFT => {}
                position => {
                    let position = usize::try_from(position).ok()?;
                    if list.get(position).is_some_and(|(known, _)| **known == *name) {
                        return Some((place, position));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_five_to_twelve_bytes_however_it_came() {
        for reserved in [0, 9, 100, 1000] {
            let (mut list, mut positions) = (Vec::new(), Positions::default());
            positions.reserve::<()>(&list, reserved);
            for number in 0..3000_usize {
                list.push((Arc::from(format!("name_{number}")), ()));
                positions.added(&list);
                let bytes = positions.places.len() * size_of::<u32>();
                let named = list.len();
                assert_eq!(positions.find(&list, &format!("name_{number}")), Some(number));
                if named > SHORT.max(reserved) {
                    assert!((5 * named..=12 * named).contains(&bytes), "{bytes} for {named}");
                }
            }
        }
    }
}
