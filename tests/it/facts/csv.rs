use fristvakt::fact::Fact;
use fristvakt::facts::csv::{self, RecordType};
use fristvakt::facts::ndjson;

use crate::fixture::rules;

fn read(text: &str, record_type: Option<RecordType>) -> Result<Vec<Fact>, String> {
    let rules = rules();
    let lines = csv::read(text.as_bytes(), record_type, &rules.vocabulary).map_err(|error| error.to_string())?;
    lines.map(|line| line.map(|line| line.fact).map_err(|error| error.to_string())).collect()
}

#[test]
fn a_row_is_the_same_record_as_its_line_of_ndjson() {
    let cases = [
        (
            Some(RecordType::Case),
            "tenant;id;ref;level;protected;unit;attributes.school_environment;attributes.born_on\nk;S-1;7F3K;0;true;;true;2012-01-31\n",
            r#"{"type":"case","tenant":"k","id":"S-1","ref":"7F3K","level":"0","protected":true,"attributes":{"school_environment":true,"born_on":"2012-01-31"}}"#,
        ),
        (
            None,
            "type,tenant,case,id,kind,on,attributes.hours\nevent,k,S-1,e1,concern_raised,2026-03-02,2.5\n",
            r#"{"type":"event","tenant":"k","case":"S-1","id":"e1","kind":"concern_raised","on":"2026-03-02","attributes":{"hours":2.5}}"#,
        ),
        (
            Some(RecordType::Tenant),
            "id\tpacks\tfallback\tmail_domains\tdelivery.hours\tcontacts.psykolog\nk\ta|b\tpost@k.example\tk.example\t08:00-15:00\tp7\n",
            r#"{"type":"tenant","id":"k","packs":["a","b"],"fallback":"post@k.example","mail_domains":["k.example"],"delivery":{"hours":"08:00-15:00"},"contacts":{"psykolog":"p7"}}"#,
        ),
        (
            Some(RecordType::Person),
            "\u{feff}tenant,id,email,absent.from,absent.to\nk, p1 ,\"p1@k.example\",2026-07-01,2026-07-31\n",
            r#"{"type":"person","tenant":"k","id":"p1","email":"p1@k.example","absent":[{"from":"2026-07-01","to":"2026-07-31"}]}"#,
        ),
    ];
    for (record_type, text, line) in cases {
        let same = ndjson::read(line.as_bytes()).next().expect("a line").expect("a record").fact;
        assert_eq!(read(text, record_type), Ok(vec![same]), "{text}");
    }
}

#[test]
fn columns_without_name_and_cells_are_passed_over() {
    assert_eq!(read("tenant;id;;\nk;s;;\n", Some(RecordType::Case)).expect("a case").len(), 1);
}

#[test]
fn errors_name_the_row_and_the_column() {
    let cases = [
        ("tenant,id\nk,s\n", None, "line 1: no `type` column, and no type given"),
        ("tenant,id,emial\nk,s,x\n", Some(RecordType::Case), "line 2: `emial`: unknown field `emial`"),
        ("tenant,id,protected\nk,a,true\nk,s,ja\n", Some(RecordType::Case), "line 3: `protected`: expected a boolean"),
        (
            "tenant,id,Kari Nordmann\nk,s,x\n",
            Some(RecordType::Case),
            "line 2: unknown field (not shown: it does not look like an id), expected one of `tenant`",
        ),
        ("tenant,id,unit,id\nk,s,u,s\n", Some(RecordType::Case), "line 1: the column `id` stands twice; keep one"),
        (
            "tenant,id,Kari N,Kari N\n",
            Some(RecordType::Case),
            "line 1: the column (not shown: it does not look like an id) stands twice",
        ),
        ("tenant,id\nk,s,x\n", Some(RecordType::Case), "line 2: 3 cells where the first row names 2 columns"),
        ("tenant,id\n,s\n", Some(RecordType::Case), "line 2: `tenant`: missing field `tenant`"),
    ];
    for (text, record_type, expected) in cases {
        let error = read(text, record_type).expect_err("an error");
        assert!(error.starts_with(expected), "{text}\n gave {error}");
    }
}
