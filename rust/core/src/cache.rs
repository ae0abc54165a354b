//! Caches bounded by weight, with one flight per key.

use std::hash::Hash;
use std::process;
use std::thread;
use std::time::Duration;

use quick_cache::sync::{Cache, DefaultLifecycle, GuardResult, PlaceholderGuard};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::error::Result;
use crate::interrupt;
use crate::sync::enter;

/// How long a flight of somebody else is waited for before it is asked for again, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_micros(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// How heavy a value is; nothing weighs nothing, so that everything can be evicted.
pub trait Weigh {
    /// Its weight.
    fn weight(&self) -> u64;
}

/// A value and the weight it had when it was put into the cache.
#[derive(Debug, Clone)]
struct Weighed<V> {
    value: V,
    weight: u64,
}

#[derive(Debug, Clone, Copy)]
struct ByWeight;

impl<K, V> Weighter<K, Weighed<V>> for ByWeight {
    fn weight(&self, _key: &K, value: &Weighed<V>) -> u64 {
        value.weight
    }
}

type Inner<K, V> = Cache<K, Weighed<V>, ByWeight>;
type Guard<'a, K, V> =
    PlaceholderGuard<'a, K, Weighed<V>, ByWeight, DefaultHashBuilder, DefaultLifecycle<K, Weighed<V>>>;

/// Values by key, up to a total weight; a cache of weight 0 keeps nothing.
pub struct WeightedCache<K, V> {
    inner: Option<Inner<K, V>>,
    /// Flights of the process that made the cache do not land in its children.
    process: u32,
}

/// The outcome of asking for a key before fetching it.
pub enum Claim<'a, K, V> {
    /// It is cached.
    Cached(V),
    /// The caller has to fetch it; others wait for that.
    Ours(Flight<'a, K, V>),
    /// Somebody else is fetching it.
    InFlight,
}

/// The duty to fetch a key; if it is dropped, the next one who waits takes it over.
pub struct Flight<'a, K, V> {
    guard: Option<Guard<'a, K, V>>,
}

impl<K: Hash + Eq + Clone, V: Clone + Weigh> Flight<'_, K, V> {
    /// Hand the value to everybody who waits, and keep it if it fits.
    pub fn land(mut self, value: V) {
        if let Some(guard) = self.guard.take() {
            let _pass = enter();
            // Refused if the key was removed meanwhile; those who wait have the value all the same.
            let _ = guard.insert(weighed(value));
        }
    }
}

impl<K, V> Drop for Flight<'_, K, V> {
    fn drop(&mut self) {
        if let Some(guard) = self.guard.take() {
            // It takes the cache's lock, to let the next one have the flight.
            let _pass = enter();
            drop(guard);
        }
    }
}

fn weighed<V: Weigh>(value: V) -> Weighed<V> {
    Weighed { weight: value.weight().max(1), value }
}

impl<K: Hash + Eq + Clone, V: Clone + Weigh> WeightedCache<K, V> {
    /// A cache of up to `capacity`; `items` is about how many values that will be.
    ///
    /// There is one shard: a value may take the whole capacity.
    #[must_use]
    pub fn new(capacity: u64, items: usize) -> Self {
        let options = OptionsBuilder::new()
            .shards(1)
            .weight_capacity(capacity)
            .estimated_items_capacity(items)
            // nothing is reserved for values seen only once, see above
            .hot_allocation(1.0)
            .build();
        let inner = options.ok().filter(|_| capacity > 0).map(|options| {
            Cache::with_options(options, ByWeight, DefaultHashBuilder::default(), DefaultLifecycle::default())
        });
        Self { inner, process: process::id() }
    }

    /// The value, if it is cached.
    pub fn get(&self, key: &K) -> Option<V> {
        let _pass = enter();
        self.inner.as_ref()?.get(key).map(|weighed| weighed.value)
    }

    /// Put a value into the cache; false if it is too heavy to be kept.
    pub fn insert(&self, key: K, value: V) -> bool {
        let Some(inner) = &self.inner else { return false };
        let weighed = weighed(value);
        if weighed.weight > inner.capacity() {
            return false;
        }
        let _pass = enter();
        inner.insert(key.clone(), weighed);
        inner.contains_key(&key)
    }

    /// Forget everything.
    pub fn clear(&self) {
        if let Some(inner) = &self.inner {
            let _pass = enter();
            inner.clear();
        }
    }

    /// The value, or the duty to fetch it, without waiting.
    pub fn claim(&self, key: &K) -> Claim<'_, K, V> {
        let Some(inner) = &self.inner else { return Claim::Ours(Flight { guard: None }) };
        let _pass = enter();
        match inner.get_value_or_guard(key, Some(Duration::ZERO)) {
            GuardResult::Value(weighed) => Claim::Cached(weighed.value),
            GuardResult::Guard(guard) => Claim::Ours(Flight { guard: Some(guard) }),
            GuardResult::Timeout => Claim::InFlight,
        }
    }

    /// The value, fetched by `fetch` unless it is cached or somebody else is fetching it already.
    ///
    /// # Errors
    /// Those of `fetch`, and an interrupt while waiting.
    pub fn get_or_fetch(&self, key: &K, fetch: impl FnOnce() -> Result<V>) -> Result<V> {
        let Some(inner) = &self.inner else { return fetch() };
        let (mut pause, mut waited) = (FIRST_PAUSE, Duration::ZERO);
        loop {
            // Asked again and again instead of waited for: who waits inside the cache holds its locks now and then, and
            // a fork would have to wait for the end of the flight, which a network may take its time for.
            let pass = enter();
            let found = inner.get_value_or_guard(key, Some(Duration::ZERO));
            drop(pass);
            match found {
                GuardResult::Value(weighed) => return Ok(weighed.value),
                GuardResult::Guard(guard) => {
                    let flight = Flight { guard: Some(guard) };
                    let value = fetch()?;
                    flight.land(value.clone());
                    return Ok(value);
                }
                GuardResult::Timeout if process::id() != self.process => return fetch(),
                GuardResult::Timeout => {
                    thread::sleep(pause);
                    waited += pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    if waited >= interrupt::INTERVAL {
                        waited = Duration::ZERO;
                        interrupt::check()?;
                    }
                }
            }
        }
    }

    /// What the cached values weigh.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.inner.as_ref().map_or(0, Cache::weight)
    }
}

impl<K, V> std::fmt::Debug for WeightedCache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WeightedCache")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::error::Error;

    impl Weigh for u64 {
        fn weight(&self) -> u64 {
            *self
        }
    }

    #[test]
    fn what_is_cached_is_not_fetched() {
        let cache: WeightedCache<u8, u64> = WeightedCache::new(100, 10);
        assert_eq!(cache.get_or_fetch(&1, || Ok(7)).unwrap(), 7);
        assert_eq!(cache.get_or_fetch(&1, || Err(Error::format("fetched"))).unwrap(), 7);
        cache.clear();
        assert!(cache.get_or_fetch(&1, || Err(Error::format("fetched"))).is_err());
        assert_eq!(cache.get_or_fetch(&1, || Ok(8)).unwrap(), 8);
    }

    #[test]
    fn weight_is_bounded() {
        let cache: WeightedCache<u64, u64> = WeightedCache::new(100, 10);
        for key in 0..1000 {
            cache.insert(key, 7);
            assert!(cache.weight() <= 100);
        }
        assert!(cache.weight() >= 90);
    }

    #[test]
    fn a_value_may_take_the_whole_capacity_but_no_more() {
        let cache: WeightedCache<u64, u64> = WeightedCache::new(100, 10);
        assert!(cache.insert(1, 100));
        assert_eq!(cache.get(&1), Some(100));
        assert!(!cache.insert(2, 101));
        assert_eq!(cache.get_or_fetch(&3, || Ok(101)).unwrap(), 101);
        assert_eq!(cache.get(&3), None);
    }

    #[test]
    fn weightless_values_are_evicted_too() {
        let cache: WeightedCache<u64, u64> = WeightedCache::new(10, 10);
        (0..100).for_each(|key| assert!(cache.insert(key, 0)));
        assert!((0..100).filter(|key| cache.get(key).is_some()).count() <= 10);
    }

    #[test]
    fn a_cache_of_no_capacity_keeps_nothing() {
        let cache: WeightedCache<u8, u64> = WeightedCache::new(0, 10);
        assert!(!cache.insert(1, 0));
        assert_eq!(cache.get_or_fetch(&1, || Ok(1)).unwrap(), 1);
        assert!(matches!(cache.claim(&1), Claim::Ours(_)));
        assert_eq!(cache.get(&1), None);
    }

    #[test]
    fn there_is_one_flight_per_key() {
        let cache: WeightedCache<u8, u64> = WeightedCache::new(100, 10);
        let flights = AtomicUsize::new(0);
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    let fetch = || {
                        flights.fetch_add(1, Ordering::SeqCst);
                        thread::sleep(Duration::from_millis(150));
                        Ok(5)
                    };
                    assert_eq!(cache.get_or_fetch(&1, fetch).unwrap(), 5);
                });
            }
        });
        assert_eq!(flights.into_inner(), 1);
    }

    #[test]
    fn a_failed_flight_is_taken_over() {
        let cache: WeightedCache<u8, u64> = WeightedCache::new(100, 10);
        let Claim::Ours(flight) = cache.claim(&1) else { panic!("nobody else asked") };
        assert!(matches!(cache.claim(&1), Claim::InFlight));
        drop(flight);
        assert_eq!(cache.get_or_fetch(&1, || Ok(3)).unwrap(), 3);
    }
}
