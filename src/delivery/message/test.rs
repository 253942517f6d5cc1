//! The message by which a person tries the way to a mailbox. It says that it is a test, and nothing of anybody.

use super::fallback;
use super::templates::Rendered;
use crate::language::Language;

/// How the subject of a test begins, in every language.
pub const TEST_MARK: &str = "[TEST]";

/// A test message.
#[must_use]
pub fn test_message(language: Language) -> Rendered {
    let (subject, lines) = match language {
        Language::Nb => (
            "Prøve av fristvakt",
            "Hei,\n\nDette er en prøve. Noen som drifter fristvakt, har sendt den for å se at e-post kommer fram.\n\
             Den gjelder ingen sak, og du trenger ikke gjøre noe.\n",
        ),
        Language::Nn => (
            "Prøve av fristvakt",
            "Hei,\n\nDette er ei prøve. Nokon som driftar fristvakt, har sendt henne for å sjå at e-post kjem fram.\n\
             Ho gjeld inga sak, og du treng ikkje gjere noko.\n",
        ),
        Language::En => (
            "Trial of fristvakt",
            "Hello,\n\nThis is a test. Somebody who runs fristvakt sent it to see that mail arrives.\n\
             It concerns no case, and there is nothing to do.\n",
        ),
    };
    Rendered {
        subject: format!("{TEST_MARK} {subject}"),
        text: lines.to_owned(),
        html: fallback::html(language, lines),
    }
}
