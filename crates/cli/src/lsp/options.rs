//! What the editor's settings say: the same names as on the command line, in the spelling of JSON.

use std::path::{Path, PathBuf};

use raddle_rulebook::{Lang, Rulebook};
use raddle_vocabulary::{Confidence, RuleId};
use serde::Deserialize;
use serde_json::Value;

use crate::request::CheckRequest;

/// The settings of the server. A name that raddle does not know is passed over: another version may know it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Options {
    /// `en` or `zh`.
    pub(super) lang: Option<String>,
    /// Findings below are left out.
    pub(super) min_confidence: Option<Confidence>,
    /// Whether notes and rules that are off by default are shown.
    pub(super) pedantic: bool,
    /// The interpreter or environment whose packages the code imports.
    pub(super) python: Option<PathBuf>,
    /// Only these rules, unless empty.
    pub(super) select: Vec<String>,
    /// Not these rules.
    pub(super) ignore: Vec<String>,
    /// Whether to say above functions who runs them.
    pub(super) code_lens: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            lang: None,
            min_confidence: None,
            pedantic: false,
            python: None,
            select: Vec::new(),
            ignore: Vec::new(),
            code_lens: true,
        }
    }
}

impl Options {
    /// Reads settings; where they stand below a key `raddle`, from there.
    ///
    /// # Errors
    ///
    /// Says what is not as it should be.
    pub(super) fn read(value: Value) -> Result<Options, String> {
        let own = match value {
            Value::Object(mut map) if map.contains_key("raddle") => map.remove("raddle").unwrap_or_default(),
            other => other,
        };
        if own.is_null() {
            return Ok(Options::default());
        }
        serde_json::from_value(own).map_err(|error| error.to_string())
    }

    /// The language that the settings ask for.
    pub(super) fn lang(&self) -> Option<Lang> {
        self.lang.as_deref().and_then(|it| it.parse().ok())
    }

    /// What to check for one root: a folder, or a file that stands in none.
    pub(super) fn request(&self, root: &Path) -> CheckRequest {
        let rules = |names: &[String]| {
            let known = names.iter().filter(|it| Rulebook::built_in().card(it).is_some());
            known.map(|it| RuleId(it.clone())).collect()
        };
        let folder = if root.is_dir() { root } else { root.parent().unwrap_or(root) };
        CheckRequest {
            folder: Some(folder.to_path_buf()),
            select: rules(&self.select),
            ignore: rules(&self.ignore),
            min_confidence: self.min_confidence,
            pedantic: self.pedantic,
            ..CheckRequest::to_look(&[root.to_path_buf()], self.python.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_as_editors_send_them() {
        assert_eq!(Options::read(Value::Null), Ok(Options::default()));
        assert_eq!(Options::read(json!({"raddle": null})), Ok(Options::default()));
        let options =
            Options::read(json!({"raddle": {"lang": "zh", "minConfidence": "possible", "later": 1}})).unwrap();
        assert_eq!((options.lang(), options.min_confidence), (Some(Lang::Zh), Some(Confidence::Possible)));
        assert!(Options::read(json!({"minConfidence": "never"})).is_err());
    }
}
