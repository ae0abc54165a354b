//! The value of elements that were never written.

use crate::error::{Error, ErrorKind, Result};

/// When an element counts as equal to the fill value, as `zarr.core.buffer.NDBuffer.all_equal` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Equality {
    /// The same bytes; also for floats, where +0 and -0 are to be kept apart.
    Bits,
    /// Any NaN is like another: floats of the machine's byte order whose fill value is NaN.
    Nan,
    /// As numbers compare, except that NaN equals NaN: complex numbers of the machine's byte order.
    Complex,
}

/// The fill value of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    element: Box<[u8]>,
    equality: Equality,
}

impl Fill {
    /// The fill value whose bytes in memory are `element`.
    ///
    /// # Errors
    /// An element of no bytes, or of a size that the kind of equality does not have.
    pub fn new(element: &[u8], equality: Equality) -> Result<Self> {
        let possible = match equality {
            Equality::Bits => !element.is_empty(),
            Equality::Nan => matches!(element.len(), 2 | 4 | 8),
            Equality::Complex => matches!(element.len(), 8 | 16),
        };
        if possible {
            return Ok(Self { element: element.into(), equality });
        }
        let size = element.len();
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!("no fill value of {size} bytes can be compared as {equality:?}"),
        ))
    }

    /// Bytes in memory.
    pub fn element(&self) -> &[u8] {
        &self.element
    }

    /// Whether all of `elements` are the fill value.
    pub fn is_all_of(&self, elements: &[u8]) -> bool {
        let mut each = elements.chunks_exact(self.element.len());
        match (self.equality, self.element.len()) {
            (Equality::Bits, size) => {
                let shifted = elements.get(size..).unwrap_or_default();
                elements.starts_with(&self.element) && elements.get(..shifted.len()) == Some(shifted)
            }
            (Equality::Nan, 2) => each.all(is_half_nan),
            (Equality::Nan, 4) => each.all(|value| f32_of(value).is_nan()),
            (Equality::Nan, _) => each.all(|value| f64_of(value).is_nan()),
            (Equality::Complex, 8) => each.all(|value| self.same_complex(value, |part| f64::from(f32_of(part)))),
            (Equality::Complex, _) => each.all(|value| self.same_complex(value, f64_of)),
        }
    }

    fn same_complex(&self, value: &[u8], read: impl Fn(&[u8]) -> f64) -> bool {
        let parts = |value: &[u8]| {
            let (real, imaginary) = value.split_at_checked(value.len() / 2)?;
            Some((read(real), read(imaginary)))
        };
        let (Some(value), Some(fill)) = (parts(value), parts(&self.element)) else { return false };
        let is_nan = |(real, imaginary): (f64, f64)| real.is_nan() || imaginary.is_nan();
        value == fill || (is_nan(value) && is_nan(fill))
    }
}

fn is_half_nan(value: &[u8]) -> bool {
    value.first_chunk().is_some_and(|bytes| u16::from_ne_bytes(*bytes) & 0x7fff > 0x7c00)
}

fn f32_of(value: &[u8]) -> f32 {
    value.first_chunk().map_or(0.0, |bytes| f32::from_ne_bytes(*bytes))
}

fn f64_of(value: &[u8]) -> f64 {
    value.first_chunk().map_or(0.0, |bytes| f64::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(fill: &[u8], equality: Equality, elements: &[&[u8]]) -> bool {
        Fill::new(fill, equality).unwrap().is_all_of(&elements.concat())
    }

    #[test]
    fn bits_keep_the_zeros_apart() {
        let (zero, minus) = (0f32.to_ne_bytes(), (-0f32).to_ne_bytes());
        assert!(all(&zero, Equality::Bits, &[&zero, &zero, &zero]));
        assert!(!all(&zero, Equality::Bits, &[&zero, &minus]));
        assert!(!all(&zero, Equality::Bits, &[&minus, &minus]));
        assert!(!all(&[1, 2, 3], Equality::Bits, &[&[1, 2, 3], &[1, 2, 4]]));
    }

    #[test]
    fn every_nan_is_nan() {
        let (one, other) = (f64::NAN.to_ne_bytes(), (-f64::NAN).to_ne_bytes());
        assert!(all(&one, Equality::Nan, &[&one, &other]));
        assert!(!all(&one, Equality::Nan, &[&one, &0f64.to_ne_bytes()]));
        assert!(all(&[0, 0x7e], Equality::Nan, &[&0x7e00u16.to_ne_bytes(), &0xfc01u16.to_ne_bytes()]));
        assert!(!all(&[0, 0x7e], Equality::Nan, &[&0x7c00u16.to_ne_bytes()]));
    }

    #[test]
    fn complex_numbers_compare_as_numbers() {
        let number = |real: f32, imaginary: f32| [real.to_ne_bytes(), imaginary.to_ne_bytes()].concat();
        assert!(all(&number(0.0, 0.0), Equality::Complex, &[&number(-0.0, 0.0)]));
        assert!(all(&number(f32::NAN, 1.0), Equality::Complex, &[&number(2.0, f32::NAN)]));
        assert!(!all(&number(1.0, 0.0), Equality::Complex, &[&number(1.0, 1.0)]));
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Fill::new(&[], Equality::Bits).is_err());
        assert!(Fill::new(&[0; 3], Equality::Nan).is_err());
        assert!(Fill::new(&[0; 4], Equality::Complex).is_err());
    }
}
