//! The QR code of a key URI as a PNG image, AWS's `QRCodePNG`.

use qrcode::{Color, EcLevel, QrCode};

use crate::types::secret::{SecretBytes, SecretText};

/// Why no image was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// More text than the largest QR code holds: 2,331 bytes at medium correction.
    #[error("the text is too long for a QR code")]
    TooLong,
    /// The image could not be written.
    #[error("the image could not be encoded")]
    NotEncoded,
}

/// Draws `text` black on white. The image shows a secret wherever the text does, so it is one.
pub fn png(text: &SecretText) -> Result<SecretBytes, QrError> {
    let code =
        QrCode::with_error_correction_level(text.expose().as_bytes(), EcLevel::M).map_err(|_| QrError::TooLong)?;
    let modules = code.width();
    let colors = code.into_colors();
    let side = (modules + 2 * QUIET_ZONE) * PIXELS_PER_MODULE;
    let dark = |pixel_x: usize, pixel_y: usize| -> bool {
        let module = |pixel: usize| (pixel / PIXELS_PER_MODULE).checked_sub(QUIET_ZONE).filter(|m| *m < modules);
        match (module(pixel_x), module(pixel_y)) {
            (Some(x), Some(y)) => colors.get(y * modules + x) == Some(&Color::Dark),
            _ => false,
        }
    };

    // One bit per pixel, most significant first, rows padded to whole bytes; 1 is white.
    let mut pixels = zeroize::Zeroizing::new(Vec::with_capacity(side * side.div_ceil(8)));
    for y in 0..side {
        for byte in 0..side.div_ceil(8) {
            let bits = (0..8).fold(0_u8, |bits, bit| bits << 1 | u8::from(!dark(byte * 8 + bit, y)));
            pixels.push(bits);
        }
    }

    let side = u32::try_from(side).map_err(|_| QrError::NotEncoded)?;
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().map_err(|_| QrError::NotEncoded)?;
    writer.write_image_data(&pixels).map_err(|_| QrError::NotEncoded)?;
    writer.finish().map_err(|_| QrError::NotEncoded)?;
    Ok(SecretBytes::new(out))
}

/// The white border that scanners need: four modules (ISO/IEC 18004 section 6.3.8).
const QUIET_ZONE: usize = 4;

/// Large enough for a telephone held before a screen, some 500 pixels for a key URI.
const PIXELS_PER_MODULE: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_shows_the_code_within_its_quiet_zone() {
        let text = SecretText::new("otpauth://totp/a:b?secret=GEZDGNBVGY3TQOJQ");
        let image = png(&text).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(image.expose())).read_info().unwrap();
        let code = QrCode::with_error_correction_level(text.expose(), EcLevel::M).unwrap();
        let side = (code.width() + 8) * 8;
        assert_eq!((reader.info().width as usize, reader.info().height as usize), (side, side));
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let white = |x: usize, y: usize| pixels[y * side.div_ceil(8) + x / 8] >> (7 - x % 8) & 1 == 1;
        for y in 0..code.width() {
            for x in 0..code.width() {
                let middle = |module: usize| (module + 4) * 8 + 4;
                assert_eq!(white(middle(x), middle(y)), code[(x, y)] == Color::Light, "module {x}, {y}");
            }
        }
        assert!((0..side).all(|at| white(at, 31) && white(31, at) && white(at, side - 1)));
    }

    #[test]
    fn too_much_text_is_an_error() {
        assert_eq!(png(&SecretText::new("x".repeat(3_000))).unwrap_err(), QrError::TooLong);
    }
}
