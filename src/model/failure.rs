/// Why a run failed, as far as its exit code and its phases tell. A closed set: what the cloud says in
/// words never becomes a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// It never came to run.
    CreateFailed,
    /// It could not be stopped.
    TerminateFailed,
    /// The cloud lost sight of it.
    Lost,
    /// The training code ended with an error.
    Error,
    /// The command was not found, or is none.
    Command,
    /// The process was killed: most often its memory had run out.
    Killed,
    /// The process broke: a segmentation fault and the like.
    Crashed,
    /// The process ended by another signal.
    Signal,
    /// Nothing tells.
    Unknown,
}

impl Failure {
    /// Every reason, in the order of the documents.
    pub const ALL: [Self; 9] = [
        Self::CreateFailed,
        Self::TerminateFailed,
        Self::Lost,
        Self::Error,
        Self::Command,
        Self::Killed,
        Self::Crashed,
        Self::Signal,
        Self::Unknown,
    ];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CreateFailed => "create_failed",
            Self::TerminateFailed => "terminate_failed",
            Self::Lost => "lost",
            Self::Error => "error",
            Self::Command => "command",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
            Self::Signal => "signal",
            Self::Unknown => "unknown",
        }
    }

    /// What it says about the run.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::CreateFailed => "it never came to run",
            Self::TerminateFailed => "it could not be stopped",
            Self::Lost => "the cloud lost sight of it",
            Self::Error => "the training code ended with an error",
            Self::Command => "the command was not found or cannot be run",
            Self::Killed => "the process was killed: most often its memory had run out",
            Self::Crashed => "the process crashed",
            Self::Signal => "the process ended by another signal",
            Self::Unknown => "neither exit code nor phase tells",
        }
    }

    /// Exit codes it stands for, for the reference; those of phases alone have none.
    pub fn exit_codes(self) -> &'static str {
        match self {
            Self::Error => "1 to 125, 128",
            Self::Command => "126, 127",
            Self::Killed => "137, 247, -9",
            Self::Crashed => "132, 134, 135, 136, 139 and the like",
            Self::Signal => "any other from 129 to 255 or from -64 to -1, 143 among them",
            Self::CreateFailed | Self::TerminateFailed | Self::Lost | Self::Unknown => "",
        }
    }

    /// The class of an exit code; `None` for success.
    ///
    /// A process that a signal ended has the code 128 + signal in a shell, - signal in Python, and that
    /// as an unsigned byte where Python hands it on: the cloud's own troubleshooting names 137 and 247
    /// in one breath (Huawei Cloud, "Training Job Process Exits Unexpectedly").
    pub fn of_exit_code(code: i64) -> Option<Self> {
        let signal = match code {
            0 => return None,
            126 | 127 => return Some(Self::Command),
            129..=192 => code - 128,
            193..=255 => 256 - code,
            -64..=-1 => -code,
            _ => return Some(Self::Error),
        };
        Some(match signal {
            // SIGKILL.
            9 => Self::Killed,
            // SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV.
            4 | 6 | 7 | 8 | 11 => Self::Crashed,
            _ => Self::Signal,
        })
    }

    /// What v2's secondary phase says; most of them say nothing. The documents advise not to rely on it:
    /// without it, the exit code decides.
    pub fn of_secondary_phase(phase: &str) -> Option<Self> {
        match phase {
            "CreateFailed" => Some(Self::CreateFailed),
            "TerminatedFailed" => Some(Self::TerminateFailed),
            "Lost" => Some(Self::Lost),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_fall_into_classes_however_a_signal_is_written() {
        let table = [
            (Failure::Error, &[1, 2, 125, 128, 256, 1000, -65, i64::MIN, i64::MAX][..]),
            (Failure::Command, &[126, 127]),
            (Failure::Killed, &[137, 247, -9]),
            (Failure::Crashed, &[132, 134, 135, 136, 139, 245, 250, -6, -11]),
            (Failure::Signal, &[129, 130, 143, 241, 255, -1, -15]),
        ];
        for (failure, codes) in table {
            for &code in codes {
                assert_eq!(Failure::of_exit_code(code), Some(failure), "exit code {code}");
            }
        }
        assert_eq!(Failure::of_exit_code(0), None);
    }
}
