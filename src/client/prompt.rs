//! Asking a person for the code that an MFA device shows: at the terminal itself, because standard input and output
//! belong to the program that wants the credentials; or, for scripts, from standard input when that was asked for.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};

use zeroize::Zeroizing;

use crate::types::secret::SecretText;

/// The most bytes that a line with a code may have.
const MAX_LINE: u64 = 64;

/// Why there is no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The process has no terminal to ask at.
    #[error(
        "an MFA code is needed and there is no terminal to ask for it; use --mfa-code-stdin to pass it on standard input"
    )]
    NoTerminal,
    /// The input broke off.
    #[error("no MFA code was given")]
    NoCode,
    /// What was given is no code.
    #[error("an MFA code is six digits")]
    NotACode,
}

/// Whoever knows the code.
pub trait AskForCode: Send + Sync {
    /// The code that the device `serial` shows; waits for it.
    fn ask(&self, serial: &str) -> Result<SecretText, PromptError>;
}

/// The terminal that the process was started from. What is typed is seen: a code is good once and for half a minute,
/// and a prompt that hides it leaves the terminal mute when it is interrupted.
#[derive(Debug, Clone, Copy)]
pub struct Terminal;

impl AskForCode for Terminal {
    fn ask(&self, serial: &str) -> Result<SecretText, PromptError> {
        let mut terminal =
            OpenOptions::new().read(true).write(true).open("/dev/tty").map_err(|_| PromptError::NoTerminal)?;
        let shown: String = serial.chars().filter(|c| !c.is_control()).collect();
        write!(terminal, "MFA code of {shown}: ").map_err(|_| PromptError::NoTerminal)?;
        code_from::<File>(terminal)
    }
}

/// The first line of standard input.
#[derive(Debug, Clone, Copy)]
pub struct StandardInput;

impl AskForCode for StandardInput {
    fn ask(&self, _serial: &str) -> Result<SecretText, PromptError> {
        code_from(std::io::stdin())
    }
}

fn code_from<R: Read>(input: R) -> Result<SecretText, PromptError> {
    let mut line = Zeroizing::new(String::new());
    let read = BufReader::new(input.take(MAX_LINE)).read_line(&mut line);
    match (read, line.trim()) {
        (Err(_), _) | (_, "") => Err(PromptError::NoCode),
        (Ok(_), code) if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) => Ok(SecretText::new(code)),
        _ => Err(PromptError::NotACode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_six_digits_of_the_first_line() {
        assert_eq!(code_from(&b" 123456 \r\n654321\n"[..]).expect("a code").expose(), "123456");
        assert_eq!(code_from(&b"123456"[..]).expect("a code").expose(), "123456");
        assert_eq!(code_from(&b""[..]).err(), Some(PromptError::NoCode));
        assert_eq!(code_from(&b"\n"[..]).err(), Some(PromptError::NoCode));
        for text in ["12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(code_from(text.as_bytes()).err(), Some(PromptError::NotACode), "{text}");
        }
    }
}
