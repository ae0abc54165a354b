//! Copying and filling parts of arrays in memory.

/// One loop: how often, and the bytes between two turns on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loop {
    /// Number of turns.
    pub len: usize,
    /// Bytes between two turns in the source.
    pub from: usize,
    /// Bytes between two turns in the target.
    pub to: usize,
}

/// Nested loops around one contiguous run.
#[derive(Debug, PartialEq, Eq)]
struct Nest {
    /// Outermost first.
    loops: Vec<Loop>,
    /// Bytes copied at once.
    run: usize,
}

impl Nest {
    /// Join loops that walk memory as one.
    fn new(loops: &[Loop], item: usize) -> Self {
        let mut joined: Vec<Loop> = Vec::new();
        let mut run = item;
        for outer in loops.iter().rev().copied().filter(|each| each.len != 1) {
            match joined.last_mut() {
                None if outer.from == run && outer.to == run => run *= outer.len,
                Some(inner) if outer.from == inner.len * inner.from && outer.to == inner.len * inner.to => {
                    inner.len *= outer.len;
                }
                _ => joined.push(outer),
            }
        }
        joined.reverse();
        Self { loops: joined, run }
    }

    /// Call `row` with the offsets at which the innermost loop starts; false from it ends everything.
    fn each_row(&self, from: usize, to: usize, mut row: impl FnMut(usize, usize, Loop) -> bool) -> bool {
        let Some((inner, outer)) = self.loops.split_last() else {
            return row(from, to, Loop { len: 1, from: 0, to: 0 });
        };
        if self.loops.iter().any(|each| each.len == 0) {
            return true;
        }
        let mut turns = vec![0usize; outer.len()];
        let (mut from, mut to) = (from, to);
        loop {
            if !row(from, to, *inner) {
                return false;
            }
            let mut again = false;
            for (turn, each) in turns.iter_mut().zip(outer).rev() {
                *turn += 1;
                from += each.from;
                to += each.to;
                if *turn < each.len {
                    again = true;
                    break;
                }
                from -= each.len * each.from;
                to -= each.len * each.to;
                *turn = 0;
            }
            if !again {
                return true;
            }
        }
    }
}

/// Copy elements of `item` bytes from `source[from..]` to `target[to..]`; false if that leaves either of them.
pub fn copy(source: &[u8], from: usize, target: &mut [u8], to: usize, loops: &[Loop], item: usize) -> bool {
    let nest = Nest::new(loops, item);
    let run = nest.run;
    nest.each_row(from, to, |from, to, row| match run {
        1 => copy_row::<1>(source, from, target, to, row),
        2 => copy_row::<2>(source, from, target, to, row),
        4 => copy_row::<4>(source, from, target, to, row),
        8 => copy_row::<8>(source, from, target, to, row),
        16 => copy_row::<16>(source, from, target, to, row),
        _ => (0..row.len).all(|turn| {
            let (from, to) = (from + turn * row.from, to + turn * row.to);
            match (source.get(from..from + run), target.get_mut(to..to + run)) {
                (Some(source), Some(target)) => {
                    target.copy_from_slice(source);
                    true
                }
                _ => false,
            }
        }),
    })
}

fn copy_row<const N: usize>(source: &[u8], from: usize, target: &mut [u8], to: usize, row: Loop) -> bool {
    let (Some(source), Some(target)) = (source.get(from..), target.get_mut(to..)) else { return false };
    if row.to == N {
        // The usual case, writing one element after the other.
        let Some(target) = target.get_mut(..row.len * N) else { return false };
        let (target, _) = target.as_chunks_mut::<N>();
        return target.iter_mut().enumerate().all(|(turn, slot)| {
            source.get(turn * row.from..).and_then(|rest| rest.first_chunk::<N>()).map(|value| *slot = *value).is_some()
        });
    }
    (0..row.len).all(|turn| {
        let value = source.get(turn * row.from..).and_then(|rest| rest.first_chunk::<N>());
        let slot = target.get_mut(turn * row.to..).and_then(|rest| rest.first_chunk_mut::<N>());
        value.zip(slot).map(|(value, slot)| *slot = *value).is_some()
    })
}

/// Fill elements of `target[to..]` with `element`; false if that leaves the target.  `from` of the loops is not looked at.
pub fn fill(target: &mut [u8], to: usize, loops: &[Loop], element: &[u8]) -> bool {
    let same: Vec<Loop> = loops.iter().map(|each| Loop { from: each.to, ..*each }).collect();
    let nest = Nest::new(&same, element.len());
    nest.each_row(0, to, |_, to, row| {
        (0..row.len).all(|turn| {
            let start = to + turn * row.to;
            target.get_mut(start..start + nest.run).map(|run| fill_run(run, element)).is_some()
        })
    })
}

/// Repeat `element` all over `run`.
pub fn fill_run(run: &mut [u8], element: &[u8]) {
    match element {
        [] => {}
        [first, rest @ ..] if rest.iter().all(|byte| byte == first) => run.fill(*first),
        _ => {
            let length = run.len();
            let mut done = element.len().min(length);
            if let (Some(start), Some(element)) = (run.get_mut(..done), element.get(..done)) {
                start.copy_from_slice(element);
            }
            // Each turn doubles what is there.
            while done > 0 && done < length {
                let more = done.min(length - done);
                run.copy_within(..more, done);
                done += more;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn loops_that_walk_memory_as_one_are_joined() {
        let nest = Nest::new([(3, 40, 40), (1, 7, 9), (5, 8, 8), (2, 4, 4)].map(to_loop).as_slice(), 4);
        assert_eq!(nest, Nest { loops: vec![], run: 120 });
        let nest = Nest::new([(3, 80, 40), (5, 16, 8), (2, 4, 4)].map(to_loop).as_slice(), 4);
        assert_eq!(nest, Nest { loops: vec![Loop { len: 15, from: 16, to: 8 }], run: 8 });
    }

    #[test]
    fn leaving_the_buffers_is_refused() {
        let mut target = [0; 8];
        assert!(!copy(&[1; 7], 0, &mut target, 0, &[Loop { len: 2, from: 4, to: 4 }], 4));
        assert!(!copy(&[1; 80], 0, &mut target, 4, &[Loop { len: 2, from: 8, to: 4 }], 4));
        assert!(!copy(&[1; 80], 0, &mut target, 0, &[Loop { len: 3, from: 3, to: 3 }], 3));
        assert!(!fill(&mut target, 4, &[Loop { len: 2, from: 0, to: 4 }], &[0; 4]));
    }

    fn to_loop((len, from, to): (usize, usize, usize)) -> Loop {
        Loop { len, from, to }
    }

    fn offsets(loops: &[Loop]) -> Vec<(usize, usize)> {
        loops.iter().fold(vec![(0, 0)], |all, each| {
            all.iter().flat_map(|&(f, t)| (0..each.len).map(move |i| (f + i * each.from, t + i * each.to))).collect()
        })
    }

    proptest! {
        #[test]
        fn copies_and_fills_are_what_single_elements_give(
            loops in proptest::collection::vec((0usize..4, 0usize..40, 0usize..40).prop_map(to_loop), 0..4),
            item in 1usize..18,
            at in (0usize..9, 0usize..9),
        ) {
            let source: Vec<u8> = (0..600u32).map(|i| (i * 7 % 251) as u8).collect();
            let mut expected = vec![0u8; 600];
            let mut filled = expected.clone();
            for (from, to) in offsets(&loops) {
                let value = source[at.0 + from..at.0 + from + item].to_vec();
                expected[at.1 + to..at.1 + to + item].copy_from_slice(&value);
                filled[at.1 + to..at.1 + to + item].copy_from_slice(&source[..item]);
            }
            let mut target = vec![0u8; 600];
            prop_assert!(copy(&source, at.0, &mut target, at.1, &loops, item));
            // Where targets overlap the order counts, and joining loops keeps it.
            prop_assert_eq!(&target, &expected);
            if loops.iter().all(|each| each.to >= item) {
                let mut target = vec![0u8; 600];
                prop_assert!(fill(&mut target, at.1, &loops, &source[..item]));
                prop_assert_eq!(target, filled);
            }
        }
    }
}
