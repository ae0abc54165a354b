//! Turning little-endian elements into big-endian ones, and back.

/// Reverse the bytes of every `unit` bytes (2, 4 or 8; others stay as they are).
pub fn swap(elements: &mut [u8], unit: usize) {
    match unit {
        2 => swap_each::<2>(elements),
        4 => swap_each::<4>(elements),
        8 => swap_each::<8>(elements),
        _ => {}
    }
}

fn swap_each<const N: usize>(elements: &mut [u8]) {
    elements.as_chunks_mut::<N>().0.iter_mut().for_each(|element| element.reverse());
}

#[cfg(test)]
mod tests {
    use super::swap;

    #[test]
    fn every_unit_is_reversed() {
        for unit in [2usize, 4, 8] {
            let mut elements: Vec<u8> = (0..24).collect();
            let expected: Vec<u8> = elements.chunks(unit).flat_map(|each| each.iter().rev().copied()).collect();
            swap(&mut elements, unit);
            assert_eq!(elements, expected);
        }
        let mut elements = [1, 2, 3];
        swap(&mut elements, 1);
        assert_eq!(elements, [1, 2, 3]);
    }
}
