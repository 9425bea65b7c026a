//! A name for a finding that survives edits elsewhere in its file.

use std::collections::BTreeMap;
use std::sync::Arc;

use raddle_vocabulary::Finding;

use crate::Sources;

/// The fingerprints of some findings, in their order: sixteen hexadecimal digits each.
///
/// A fingerprint is made of the finding's identity, the lasting path of its file and its number among the findings of that file that share
/// the identity, counted from the top. Lines and columns do not enter.
#[must_use]
pub fn fingerprints(findings: &[Finding], sources: &dyn Sources) -> Vec<String> {
    let mut order: Vec<usize> = (0..findings.len()).collect();
    order.sort_by_key(|&index| (&findings[index].site, index));
    let mut seen: BTreeMap<(&str, &[String]), u64> = BTreeMap::new();
    let mut acc = vec![String::new(); findings.len()];
    for index in order {
        let finding = &findings[index];
        let ordinal = seen.entry((&finding.site.path, &finding.identity)).or_default();
        acc[index] = fingerprint(finding, &sources.lasting(&finding.site.path), *ordinal);
        *ordinal += 1;
    }
    acc
}

fn fingerprint(finding: &Finding, path: &Arc<str>, ordinal: u64) -> String {
    let mut hasher = blake3::Hasher::new();
    let parts = [&**path].into_iter().chain(finding.identity.iter().map(String::as_str));
    for part in parts {
        // The length keeps `["ab", "c"]` and `["a", "bc"]` apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&ordinal.to_le_bytes());
    hasher.finalize().to_hex()[..16].to_owned()
}
