//! What do we hold about each of a party's few counterparties?
//!
//! Most have under sixteen, where looking along a line beats any hash; one with 100,000 gets an index.
//! Keys are our own party numbers, so nobody outside can choose them to collide.

use rustc_hash::FxHashMap;

/// A small map from party number to `V`, which keeps the memory of values taken out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table<V> {
    keys: Vec<u32>,
    /// One for each key, then values that wait to be used again.
    values: Vec<V>,
    /// Place of each key, kept only above [`N_LINEAR`] keys.
    places: FxHashMap<u32, u32>,
}

const N_LINEAR: usize = 16;

/// A value that can begin anew in the memory it has.
pub(crate) trait Anew: Default {
    /// Makes it equal to the default.
    fn begin_anew(&mut self);
}

impl Anew for u32 {
    fn begin_anew(&mut self) {
        *self = 0;
    }
}

impl<V: Anew> Table<V> {
    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The value of `key`, made if it is new.
    #[inline]
    pub(crate) fn entry(&mut self, key: u32) -> &mut V {
        let place = match self.place(key) {
            Some(place) => place,
            None => self.insert(key),
        };
        &mut self.values[place]
    }

    /// The value of `key`, if it is there.
    #[inline]
    pub(crate) fn get(&self, key: u32) -> Option<&V> {
        self.place(key).map(|place| &self.values[place])
    }

    /// Takes `key` out.
    pub(crate) fn remove(&mut self, key: u32) {
        let Some(place) = self.place(key) else { return };
        self.keys.swap_remove(place);
        self.values.swap(place, self.keys.len());
        if !self.places.is_empty() {
            self.places.remove(&key);
            if let Some(&moved) = self.keys.get(place) {
                self.places.insert(moved, place as u32);
            }
            if self.keys.len() <= N_LINEAR / 2 {
                self.places.clear();
            }
        }
    }

    /// Takes everything out.
    pub(crate) fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
    }

    #[inline]
    fn place(&self, key: u32) -> Option<usize> {
        if self.places.is_empty() {
            self.keys.iter().position(|&k| k == key)
        } else {
            self.places.get(&key).map(|&place| place as usize)
        }
    }

    fn insert(&mut self, key: u32) -> usize {
        let place = self.keys.len();
        self.keys.push(key);
        match self.values.get_mut(place) {
            Some(value) => value.begin_anew(),
            None => self.values.push(V::default()),
        }
        if !self.places.is_empty() {
            self.places.insert(key, place as u32);
        } else if self.keys.len() > N_LINEAR {
            self.places.extend(self.keys.iter().copied().zip(0..));
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_as_a_map(steps in prop::collection::vec((0..60_u32, 0..3_u8), 0..400)) {
            let (mut table, mut map) = (Table::<u32>::default(), BTreeMap::<u32, u32>::new());
            for (key, step) in steps {
                if step == 0 {
                    table.remove(key);
                    map.remove(&key);
                } else {
                    *table.entry(key) += 1;
                    *map.entry(key).or_default() += 1;
                }
                prop_assert_eq!(table.len(), map.len());
                prop_assert_eq!(table.get(key), map.get(&key));
            }
            for (key, n) in map {
                prop_assert_eq!(*table.entry(key), n);
            }
        }
    }
}
