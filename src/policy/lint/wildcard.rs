//! Whether one pattern says everything that another one says.

/// The longest pattern that is compared; longer ones count as different from all others, so that the time stays small.
const LONGEST: usize = 256;

/// Whether `pattern` matches all that `other` matches: its asterisks stand for any characters, wildcards among them, its
/// question marks for any one but an asterisk.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    if !pattern.contains(['*', '?']) || pattern.len() > LONGEST || other.len() > LONGEST {
        return pattern == other;
    }
    let (pattern, other): (Vec<char>, Vec<char>) = (pattern.chars().collect(), other.chars().collect());
    let (mut at, mut in_other) = (0, 0);
    // Where to go on after a mistake: behind the last asterisk, which then stands for one character more.
    let mut again: Option<(usize, usize)> = None;
    while let Some(char) = other.get(in_other) {
        match pattern.get(at) {
            Some('*') => {
                again = Some((at + 1, in_other));
                at += 1;
                continue;
            }
            Some('?') if *char != '*' => {}
            Some(same) if same == char => {}
            _ => {
                let Some((behind, start)) = again else { return false };
                again = Some((behind, start + 1));
                (at, in_other) = (behind, start + 1);
                continue;
            }
        }
        at += 1;
        in_other += 1;
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_contain() {
        for (pattern, other, expected) in [
            ("iam:Get*", "iam:GetUser", true),
            ("iam:Get*", "iam:Get*", true),
            ("iam:Get*", "iam:Get?ser", true),
            ("iam:Get?ser", "iam:Get*ser", false),
            ("iam:*", "iam:*User", true),
            ("iam:*User", "iam:*", false),
            ("*:*", "s3:GetObject", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxcyyb", false),
            ("a", "a", true),
            ("a", "*", false),
            ("*", "", true),
            ("a*", "", false),
        ] {
            assert_eq!(covers(pattern, other), expected, "{pattern} {other}");
        }
    }
}
