//! A measurement, not a test: `cargo test --release --test integration -- --ignored --nocapture ledger::speed`.
//!
//! What people ask of a ledger of a million records, and the same asked of `sqlite3`, which has them in an
//! indexed table. Both are whole processes, one after the other, in one run.

use crate::environment::{Output, is_installed};
use crate::fork::Fork;
use patch_moi::ledger::record::Record;
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::time::{Duration, Instant};

const WATCHES: usize = 20;
const RECORDS: usize = 1_000_000;
/// The records of one release.
const EACH: usize = 5;
const RUNS: usize = 7;

fn watch(release: usize) -> String {
    format!("watch-{:02}", release % WATCHES)
}

fn key(release: usize) -> String {
    let number = release / WATCHES;
    format!("v{}.{}.{}", number / 100, number / 10 % 10, number % 10)
}

fn id(release: usize) -> String {
    format!("patch:{}:{}:upstream.release", watch(release), key(release))
}

/// What is recorded of one release, as a poll, a carry and a person's merge do it.
fn records(release: usize) -> [String; EACH] {
    let (watch, key, id) = (watch(release), key(release), id(release));
    let sha = |of: usize| format!("{:040x}", release * 7 + of);
    let (upstream, made, landed) = (sha(1), sha(2), sha(3));
    let notes = "A release with fixes and a few features, told at some length. ".repeat(10);
    let branch = format!("refs/heads/patch-moi/candidate/{watch}/{key}");
    let url = format!("https://forge.example/upstream/{watch}/releases/tag/{key}");
    let start = |second: usize, kind: &str| {
        let at =
            format!("2026-{:02}-{:02}T{:02}:00:{second:02}.000Z", release % 12 + 1, release % 28 + 1, release % 24);
        format!(r#"{{"v":1,"at":"{at}","kind":"{kind}","watch":"{watch}","id":"{id}""#)
    };
    [
        format!(
            r#"{},"change":"new","entry":{{"key":"{key}","title":"Release {key}","url":"{url}","author":"maintainer","tag":"{key}","sha":"{upstream}"}},"targets":["carry"],"event":{{"id":"{id}","type":"upstream.release","source":"patch","receivedAt":"2026-01-02T03:04:05.000Z","payload":{{"provider":"forge","event":"release","sourceId":"{watch}","title":"Release {key}","url":"{url}","sha":"{upstream}","tag":"{key}","raw":{{"summary":"{notes}"}}}}}}}}"#,
            start(1, "signal")
        ),
        format!(r#"{},"target":"carry","attempt":1}}"#, start(2, "dispatch")),
        format!(
            r#"{},"target":"carry","attempt":1,"status":"changed","message":"12 patches carried onto {key}","exit":"exit status 0","candidates":[{{"kind":"branch","ref":"{branch}","sha":"{made}","pushed":true}}],"durationMs":4321,"log":"runs/{}-carry-1.log"}}"#,
            start(3, "run"),
            &upstream[24..]
        ),
        format!(
            r#"{},"state":"awaiting","previous":"dispatched","evidence":"fork-ref","ref":"{branch}","sha":"{made}","onto":"{upstream}","verified":true}}"#,
            start(4, "review")
        ),
        format!(
            r#"{},"state":"landed","previous":"awaiting","evidence":"contained","ref":"{branch}","sha":"{made}","landedAs":"{landed}"}}"#,
            start(5, "review")
        ),
    ]
}

/// Whether it is what the program itself writes, but for the order of its fields.
fn is_record(line: &str) -> bool {
    let record: Record = serde_json::from_str(line).unwrap();
    serde_json::to_value(record).unwrap() == serde_json::from_str::<Value>(line).unwrap()
}

/// A fork with all the watches, the ledger, and its index.
fn fork() -> Fork {
    let fork = Fork::new();
    let watches = (0..WATCHES).map(|number| format!("[watch \"{}\"]\n\tremote = upstream\n", watch(number)));
    let watches = watches.collect::<Vec<_>>().concat();
    let config = fs::read_to_string(fork.path("fork/.git/config")).unwrap();
    fs::write(fork.path("fork/.git/config"), config.replace("[watch \"up\"]\n\tremote = upstream\n", &watches))
        .unwrap();
    let mut ledger = BufWriter::new(File::create(fork.state("ledger.jsonl")).unwrap());
    for release in 0..RECORDS / EACH {
        for line in records(release) {
            assert!(release > 0 || is_record(&line), "{line}");
            writeln!(ledger, "{line}").unwrap();
        }
    }
    ledger.into_inner().unwrap().sync_all().unwrap();
    fork
}

fn fill(fork: &Fork) {
    let ledger = fork.state("ledger.jsonl");
    let script = format!(
        "CREATE TABLE records (line TEXT);\n.mode ascii\n.separator \"\\037\" \"\\n\"\n.import {} records\n\
         ALTER TABLE records ADD COLUMN kind AS (line ->> '$.kind');\n\
         ALTER TABLE records ADD COLUMN watch AS (line ->> '$.watch');\n\
         ALTER TABLE records ADD COLUMN id AS (line ->> '$.id');\n\
         CREATE INDEX by_kind ON records (kind, watch);\nCREATE INDEX by_id ON records (id);\n",
        ledger.display()
    );
    fork.environment().run("sqlite3", &["ledger.sqlite"]).stdin(script).success();
}

/// A question, as `patch` and as SQL takes it, and what of both answers has to be the same.
struct Question {
    args: Vec<String>,
    sql: String,
    /// What `patch --json` says, in the words of the SQL's answer.
    answer: fn(&[Value]) -> Vec<String>,
}

fn lines(records: &[Value]) -> Vec<String> {
    records.iter().map(ToString::to_string).collect()
}

fn watches(lines: &[Value]) -> Vec<String> {
    let short = |line: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        format!("{}|{}|{}", text(&line["watch"]), line["known"], text(&line["newest"]["key"]))
    };
    lines.iter().map(short).collect()
}

fn questions() -> Vec<Question> {
    let question = |args: &str, sql: &str, answer| Question {
        args: args.split(' ').map(str::to_owned).collect(),
        sql: sql.to_owned(),
        answer,
    };
    // What is not done yet, and how the last look ended, is more than the table is asked for.
    let status = "WITH each AS (SELECT watch, count(*) AS known, max(rowid) AS newest FROM records \
                  WHERE kind = 'signal' GROUP BY watch) \
                  SELECT watch, known, (SELECT line ->> '$.entry.key' FROM records WHERE rowid = newest) FROM each";
    let newest = |condition: &str| {
        format!(
            "SELECT line FROM (SELECT rowid, line FROM records {condition} ORDER BY rowid DESC LIMIT 50) ORDER BY rowid"
        )
    };
    let of = |id: &str| format!("SELECT line FROM records WHERE id = '{id}' ORDER BY rowid");
    let (old, new) = (id(WATCHES), id(RECORDS / EACH - 1));
    vec![
        question("status", status, watches),
        question("status --json", status, watches),
        question("log", &newest(""), lines),
        question("log --kind signal -n 50 watch-07", &newest("WHERE kind = 'signal' AND watch = 'watch-07'"), lines),
        question(&format!("show {old}"), &of(&old), lines),
        question(&format!("show {new}"), &of(&new), lines),
    ]
}

/// Minimum, median and maximum, in milliseconds.
fn figures(mut times: Vec<Duration>) -> String {
    times.sort();
    let millis = |at: usize| times[at].as_secs_f64() * 1000.0;
    format!("{:7.1} {:7.1} {:7.1}", millis(0), millis(times.len() / 2), millis(times.len() - 1))
}

fn timed(ask: impl Fn() -> Output) -> Duration {
    let begun = Instant::now();
    let output = ask();
    assert_eq!(output.status, 0, "{output}");
    begun.elapsed()
}

#[test]
#[ignore = "a measurement; its result is for people"]
fn a_million_records_against_an_indexed_table() {
    let fork = fork();
    let told = |line: &str| writeln!(std::io::stderr(), "{line}").unwrap();
    let with_sqlite = is_installed("sqlite3");
    if with_sqlite {
        fill(&fork);
    }
    let made = timed(|| fork.patch(&["dispatch"]).run());
    let size = |name: &str| fs::metadata(fork.state(name)).unwrap().len() / 1000;
    told(&format!(
        "{RECORDS} records: ledger.jsonl {} kB, index.json {} kB, index-rest.json {} kB; the index made in {} ms",
        size("ledger.jsonl"),
        size("index.json"),
        size("index-rest.json"),
        made.as_millis()
    ));
    told(&format!("ms: min, median, max of {RUNS}{:32}patch                  sqlite3", ""));
    for Question { args, sql, answer } in questions() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let patch = |args: &[&str]| fork.patch(args).run();
        let sqlite = || fork.environment().run("sqlite3", &["-readonly", "ledger.sqlite", &sql]).run();
        if with_sqlite {
            let json = [&args[..], &["--json"]].concat();
            let said = patch(if args.contains(&"--json") { &args } else { &json }).succeeded().stdout;
            let said: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let wanted = sqlite().succeeded().stdout;
            let same = |line: &str| serde_json::from_str(line).map_or(line.to_owned(), |it: Value| it.to_string());
            assert_eq!(answer(&said), wanted.lines().map(same).collect::<Vec<_>>(), "{args:?}");
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(timed(|| patch(&args)));
            if with_sqlite {
                theirs.push(timed(sqlite));
            }
        }
        let theirs = if with_sqlite { figures(theirs) } else { "-".to_owned() };
        told(&format!("{:52} {}  {theirs}", args.join(" "), figures(ours)));
    }
}
