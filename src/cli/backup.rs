//! `doorstep backup`, `doorstep restore` and `doorstep check`.

use super::connect::connect;
use super::output;
use anyhow::{Context, bail, ensure};
use doorstep::store::backup::{self, Summary};
use doorstep::store::{Records, SledStore};
use doorstep::wire::v1;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use v1::admin_service_client::AdminServiceClient;

/// Take a backup of a running server, which goes on serving.
#[derive(Debug, clap::Args)]
pub(super) struct Backup {
    /// The file to write. It must not exist. It holds what customers are known by: keep it as the data is kept.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Make a data directory from a backup. No server need run.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// The backup. All of it is checked before anything is written.
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The data directory to make; it must be new or empty.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

/// Check a backup, or the data directory of a server that does not run.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// A backup file, or a data directory. A directory is opened as a server would open it: what a crash left is put
    /// right, and an older schema led on.
    #[arg(value_name = "PATH")]
    path: PathBuf,
}

impl Backup {
    pub(super) async fn run(self, server: &str) -> anyhow::Result<()> {
        ensure!(!self.file.exists(), "{} exists; name a new file", self.file.display());
        let mut client = AdminServiceClient::new(connect(server).await?);
        let mut partial = self.file.clone().into_os_string();
        partial.push(".partial");
        let partial = PathBuf::from(partial);
        let taken = async {
            let subject = || format!("cannot write {}", partial.display());
            let mut options = File::options();
            options.create(true).write(true).truncate(true).mode(0o600);
            let mut file = options.open(&partial).with_context(subject)?;
            let mut chunks = client.backup(v1::BackupRequest {}).await?.into_inner();
            while let Some(v1::BackupResponse { chunk }) = chunks.message().await? {
                file.write_all(&chunk).with_context(subject)?;
            }
            file.sync_all().with_context(subject)?;
            // What lies on the disk is read again: that is what is to be trusted later.
            let summary = verify(&partial)?;
            fs::rename(&partial, &self.file).with_context(|| format!("cannot name {}", self.file.display()))?;
            let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))
                .and_then(|folder| folder.sync_all())
                .with_context(subject)?;
            anyhow::Ok(summary)
        };
        match taken.await {
            Ok(summary) => {
                output::line(&told(&self.file, &summary));
                Ok(())
            }
            Err(error) => {
                // There may be none.
                let _ = fs::remove_file(&partial);
                Err(error)
            }
        }
    }
}

impl Restore {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let file = File::open(&self.file).with_context(|| format!("cannot read {}", self.file.display()))?;
        let summary = SledStore::restore(&self.data, &file)
            .with_context(|| format!("cannot restore {}", self.file.display()))?;
        output::line(&format!("{}; restored into {}", told(&self.file, &summary), self.data.display()));
        Ok(())
    }
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<()> {
        if self.path.is_file() {
            let summary = verify(&self.path)?;
            output::line(&format!("{}; it is good", told(&self.path, &summary)));
            return Ok(());
        }
        ensure!(self.path.join("db").is_file(), "{} is neither a backup nor a data directory", self.path.display());
        let store = Arc::new(SledStore::open(&self.path)?);
        let checked = Records::new(store.clone()).check()?;
        for (table, count) in &checked.records {
            output::line(&format!("{:<16}{count:>10}", format!("{table:?}")));
        }
        for finding in &checked.findings {
            output::line(&finding.to_string());
        }
        store.close()?;
        if checked.wrong > 0 {
            bail!("{}: {} of the records are wrong", self.path.display(), checked.wrong);
        }
        output::line("the records add up, and each is good");
        Ok(())
    }
}

fn verify(path: &Path) -> anyhow::Result<Summary> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    backup::verify(BufReader::with_capacity(1 << 20, file)).with_context(|| format!("{} is not good", path.display()))
}

fn told(path: &Path, summary: &Summary) -> String {
    let Summary { header, records, sha256 } = summary;
    let time = jiff::Timestamp::from_millisecond(header.time_ms).unwrap_or_default();
    let mut hash = String::new();
    for byte in sha256 {
        let _ = write!(hash, "{byte:02x}");
    }
    let name = path.display();
    format!("{name}: {records} records as of commit {}, taken {time:.0}, sha256 {hash}", header.revision.0)
}
