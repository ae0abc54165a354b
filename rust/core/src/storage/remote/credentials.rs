//! Credentials that are exchanged while a store is open.

use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::AwsCredential;
use object_store::azure::{AzureAccessKey, AzureCredential};
use object_store::gcp::GcpCredential;

use super::settings::Options;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::RwLock;

/// Gives the credentials to use now, as options; called by the thread that wants something of the store.
pub type Provider = Arc<dyn Fn() -> Result<Options> + Send + Sync>;

/// The place from which requests take their credentials.
pub struct Cell<T> {
    current: RwLock<Option<Arc<T>>>,
}

impl<T> Default for Cell<T> {
    fn default() -> Self {
        Self { current: RwLock::new(None) }
    }
}

impl<T> fmt::Debug for Cell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cell")
    }
}

impl<T> Cell<T> {
    fn set(&self, credential: T) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(credential));
    }
}

#[async_trait]
impl<T: Send + Sync> CredentialProvider for Cell<T> {
    type Credential = T;

    async fn get_credential(&self) -> object_store::Result<Arc<T>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner).clone();
        current
            .ok_or_else(|| object_store::Error::Generic { store: "credentials", source: "none were given yet".into() })
    }
}

/// The cell of one kind of store.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// For S3.
    Aws(Arc<Cell<AwsCredential>>),
    /// For Google Cloud Storage.
    Gcp(Arc<Cell<GcpCredential>>),
    /// For Azure.
    Azure(Arc<Cell<AzureCredential>>),
}

impl Credentials {
    /// Use these from now on.
    ///
    /// # Errors
    /// The options are not the credentials of this kind of store.
    pub fn set(&self, options: &Options) -> Result<()> {
        let get = |name: &str| options.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let need = |name: &str| get(name).ok_or_else(|| invalid(&format!("{name} is missing")));
        if let Some((name, _)) = options.iter().find(|(_, value)| !value.bytes().all(|b| (0x20..0x7f).contains(&b))) {
            return Err(invalid(&format!("{name} has characters that no header may hold")));
        }
        match self {
            Self::Aws(cell) => cell.set(AwsCredential {
                key_id: need("aws_access_key_id")?,
                secret_key: need("aws_secret_access_key")?,
                token: get("aws_session_token"),
            }),
            Self::Gcp(cell) => cell.set(GcpCredential { bearer: need("google_bearer_token")? }),
            Self::Azure(cell) => cell.set(match (get("azure_storage_account_key"), get("azure_storage_sas_key")) {
                (Some(key), _) => AzureCredential::AccessKey(
                    AzureAccessKey::try_new(&key).map_err(|error| invalid(&error.to_string()))?,
                ),
                (None, Some(signature)) => AzureCredential::SASToken(signature_pairs(&signature)?),
                (None, None) => AzureCredential::BearerToken(need("azure_storage_token")?),
            }),
        }
        Ok(())
    }
}

/// A shared access signature is a query string.
fn signature_pairs(signature: &str) -> Result<Vec<(String, String)>> {
    let pairs: Vec<_> =
        url::form_urlencoded::parse(signature.trim_start_matches('?').as_bytes()).into_owned().collect();
    if pairs.iter().any(|(name, _)| name == "sig") { Ok(pairs) } else { Err(invalid("the SAS token has no signature")) }
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::StorageConfig, format!("invalid credentials: {reason}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn options(pairs: &[(&str, &str)]) -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn keys_are_exchanged() {
        let cell = Arc::new(Cell::default());
        let credentials = Credentials::Aws(Arc::clone(&cell));
        let now = || futures::executor::block_on(cell.get_credential());
        assert!(now().is_err());
        let given = [("aws_access_key_id", "a"), ("aws_secret_access_key", "b"), ("aws_session_token", "c")];
        credentials.set(&options(&given)).unwrap();
        assert_eq!(now().unwrap().token.as_deref(), Some("c"));
        credentials.set(&options(&given[..2])).unwrap();
        assert_eq!(now().unwrap().token, None);
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        let aws = Credentials::Aws(Arc::default());
        assert!(aws.set(&options(&[("aws_access_key_id", "a")])).is_err());
        assert!(aws.set(&options(&[("aws_access_key_id", "a\nb"), ("aws_secret_access_key", "b")])).is_err());
        let azure = Credentials::Azure(Arc::default());
        assert!(azure.set(&options(&[("azure_storage_sas_key", "sv=1")])).is_err());
        assert!(azure.set(&options(&[("azure_storage_account_key", "not base64!")])).is_err());
        azure.set(&options(&[("azure_storage_sas_key", "?sv=1&sig=a%2Bb")])).unwrap();
    }
}
