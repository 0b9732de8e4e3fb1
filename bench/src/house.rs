//! What is measured stands on this: a database of its own with two licences, their people and 32 thermometers.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use physiotraq::devices::DeviceId;
use physiotraq::measurements::Leaf;
use private_pg::{Cluster, Options};
use socle::clock::Clock;
use socle::ids::{AccountId, TenantId};
use testkit::{Database, Device, Licence, Stage};

use crate::sql;

/// A licence on the stage has 20 units.
const PER_LICENCE: usize = 16;
const LICENCES: usize = 2;

/// The database and who is in it.
pub struct House {
    /// The cluster, for its programs.
    pub cluster: Cluster,
    /// Registered devices; the first is the reader's.
    pub thermometers: Vec<Thermometer>,
    /// A person who may see the first device.
    pub reader: Reader,
    database: Arc<Database>,
}

/// A registered device.
pub struct Thermometer {
    /// Its id.
    pub id: DeviceId,
    /// Whose it is.
    pub license: TenantId,
    /// What it posts with.
    pub credential: String,
}

/// An operator with a session.
pub struct Reader {
    /// The licence.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The session cookie, `name=value`.
    pub cookie: String,
}

impl House {
    /// Makes the database and seeds it through a server that is gone again before anything is measured.
    ///
    /// # Errors
    /// When the private cluster cannot be started or the seeds are refused.
    pub async fn open() -> Result<Self> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace")?.to_path_buf();
        let options = Options { name: "socle".to_owned(), checkout };
        let cluster = tokio::task::spawn_blocking(move || Cluster::ensure(&options)).await??;
        let database = Arc::new(Box::pin(Database::fresh()).await?);
        let stage = Box::pin(Stage::over(Arc::clone(&database), Clock::system(), |_| {})).await?;
        let mut thermometers = Vec::with_capacity(PER_LICENCE * LICENCES);
        let mut reader = None;
        for _ in 0..LICENCES {
            let licence = Box::pin(stage.licence()).await?;
            thermometers.push(thermometer(&licence, &licence.device));
            for _ in 1..PER_LICENCE {
                let device = Box::pin(stage.device(&licence)).await?;
                thermometers.push(thermometer(&licence, &device));
            }
            reader = reader.or_else(|| {
                Some(Reader {
                    tenant: licence.id,
                    account: licence.operator.account,
                    cookie: licence.operator.cookie().to_owned(),
                })
            });
        }
        Box::pin(stage.stop()).await;
        Ok(Self { cluster, thermometers, reader: reader.context("no licence was made")?, database })
    }

    /// The database's URL, as the server's role.
    pub fn url(&self) -> &str {
        self.database.app_url()
    }

    /// The database's name.
    ///
    /// # Errors
    /// When the URL has none.
    pub fn name(&self) -> Result<&str> {
        let (_, name) = self.database.app_url().rsplit_once('/').context("the database URL has no name")?;
        Ok(name)
    }

    /// The reader's device.
    ///
    /// # Errors
    /// Never: a house has 32.
    pub fn first(&self) -> Result<&Thermometer> {
        self.thermometers.first().context("there is no device")
    }

    /// Empties a partition and writes everything out, so that every run begins alike.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn empty(&self, leaf: Leaf) -> Result<()> {
        let mut admin = self.database.admin().await?;
        sql::empty(&mut admin, leaf).await
    }

    /// Fails unless a partition holds exactly so many rows.
    ///
    /// # Errors
    /// When it does not, or the database cannot be asked.
    pub async fn holds(&self, leaf: Leaf, rows: u32) -> Result<()> {
        let mut admin = self.database.admin().await?;
        let found = sql::count(&mut admin, leaf).await?;
        anyhow::ensure!(found == i64::from(rows), "{leaf} holds {found} rows instead of {rows}");
        Ok(())
    }
}

fn thermometer(licence: &Licence, device: &Device) -> Thermometer {
    Thermometer { id: device.id, license: licence.id, credential: device.seeded.credential.clone() }
}
