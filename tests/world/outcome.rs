//! What came of a call.

use std::fmt::Debug;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

/// What stands between AWS's sentence and the encoded message of a denial.
pub const ENCODED: &str = ". Encoded authorization failure message: ";

/// The answer of an SDK's call.
pub trait Outcome {
    /// What a granted call answers.
    type Answer;

    /// It was granted.
    fn granted(self) -> Self::Answer;

    /// It was refused with this code; gives the message, without the reasons that are encoded for others.
    fn refused(self, code: &str) -> String;

    /// Policy denied it; gives the encoded message.
    fn denied(self) -> String;

    /// `Ok`, or the code of the refusal.
    fn code(&self) -> String;
}

impl<T: Debug, E: ProvideErrorMetadata + Debug, R: Debug> Outcome for Result<T, SdkError<E, R>> {
    type Answer = T;

    #[track_caller]
    fn granted(self) -> T {
        match self {
            Ok(answer) => answer,
            Err(error) => panic!(
                "refused with {:?}: {:?}",
                error.code(),
                error.message().map_or_else(|| format!("{error:?}"), str::to_owned)
            ),
        }
    }

    #[track_caller]
    fn refused(self, code: &str) -> String {
        match self {
            Ok(answer) => panic!("granted, though {code} was expected: {answer:?}"),
            Err(error) => {
                assert_eq!(error.code(), Some(code), "{error:?}");
                let message = error.message().unwrap_or_default();
                message.split_once(ENCODED).map_or(message, |(sentence, _)| sentence).to_owned()
            }
        }
    }

    #[track_caller]
    fn denied(self) -> String {
        let error = self.expect_err("a denial");
        let message = error.message().unwrap_or_default().to_owned();
        message.split_once(ENCODED).unwrap_or_else(|| panic!("no encoded message: {error:?}")).1.to_owned()
    }

    fn code(&self) -> String {
        match self {
            Ok(_) => "Ok".to_owned(),
            Err(error) => error.code().map_or_else(|| format!("{error:?}"), str::to_owned),
        }
    }
}
