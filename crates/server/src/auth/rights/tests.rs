//! What the table promises, whatever rows it has.

use super::*;
use crate::auth::Scopes;

fn principal(role: Role, party: Option<&str>, scopes: &[Scope]) -> Principal {
    let party = party.map(|name| PartyId::new(name).expect("a name"));
    let scopes = scopes.iter().copied().collect::<Scopes>();
    Principal::new("token:tok_00000000000000aa", role, party, scopes, None).expect("fits")
}

fn rights(deeds: &[Deed]) -> impl Iterator<Item = Right> {
    let deeds = deeds.to_vec();
    Right::ALL.iter().copied().filter(move |right| deeds.contains(&right.deed()))
}

#[test]
fn the_site_never_reads_or_touches_jobs() {
    for right in rights(&[Deed::ReadJobs, Deed::WriteJobs]) {
        for standing in [Standing::Operator, Standing::Finance, Standing::SiteAuditor] {
            assert_eq!(right.verdict(standing), Verdict::Refused, "{right}");
        }
    }
}

#[test]
fn auditors_write_nothing_and_read_no_jobs() {
    for right in rights(&[Deed::Write, Deed::WriteJobs, Deed::ReadJobs]) {
        for standing in [Standing::PartyAuditor, Standing::SiteAuditor] {
            assert_eq!(right.verdict(standing), Verdict::Refused, "{right}");
        }
    }
}

#[test]
fn a_party_reaches_no_further_than_itself() {
    for right in Right::ALL.iter().filter(|right| right.deed() != Deed::Itself) {
        for standing in [Standing::PartyAdmin, Standing::PartyUser, Standing::PartyAuditor] {
            assert_ne!(right.verdict(standing), Verdict::Allowed, "{right}");
        }
    }
    for right in rights(&[Deed::ReadSite, Deed::Scrape]) {
        for standing in [Standing::PartyAdmin, Standing::PartyUser, Standing::PartyAuditor] {
            assert_eq!(right.verdict(standing), Verdict::Refused, "{right}");
        }
    }
}

#[test]
fn finance_reads_money_and_no_machines() {
    for right in [Right::ReadNodes, Right::ReadPower, Right::ReadAudit, Right::ReadMetrics] {
        assert_eq!(right.verdict(Standing::Finance), Verdict::Refused, "{right}");
    }
}

#[test]
fn who_runs_the_site_does_not_keep_its_books() {
    let both = Right::ALL.iter().filter(|right| matches!(right.deed(), Deed::Write)).filter(|r| {
        r.verdict(Standing::Operator) == Verdict::Allowed
            && r.verdict(Standing::Finance) == Verdict::Allowed
    });
    assert_eq!(both.count(), 0);
}

#[test]
fn every_right_is_somebodys_and_names_are_unique() {
    let mut names = std::collections::BTreeSet::new();
    for right in Right::ALL {
        let held = Standing::ALL.iter().any(|column| right.verdict(*column) != Verdict::Refused);
        assert!(held, "{right} is nobody's");
        assert!(names.insert(right.as_str()), "{right} is there twice");
        assert_eq!(serde_json::to_value(right).expect("JSON"), right.as_str());
    }
}

#[test]
fn what_is_covered_ends_at_the_party_and_at_the_maker() {
    let (tenant, rival) = (PartyId::new("tenant").expect("a"), PartyId::new("rival").expect("b"));
    let user = principal(Role::PartyUser, Some("tenant"), &[Scope::Read, Scope::Write]);
    let reach = user.reach(Right::CancelJobs).expect("has it");
    assert!(reach.covers(&tenant, user.id()));
    assert!(!reach.covers(&tenant, "token:tok_00000000000000bb"));
    assert!(!reach.covers(&rival, user.id()));
    assert!(!reach.covers_party(&tenant));
    let admin = principal(Role::PartyAdmin, Some("tenant"), &[Scope::Read]);
    let reach = admin.reach(Right::ReadInvoices).expect("has it");
    assert!(reach.covers_party(&tenant) && !reach.covers_party(&rival));
    assert_eq!(reach.party(), Some(&tenant));
    let finance = principal(Role::Finance, None, &[Scope::Read]);
    assert_eq!(finance.reach(Right::ReadInvoices), Ok(Reach::Site));
}

#[test]
fn scopes_cut_rights_down_and_never_add_any() {
    let every = [Scope::Read, Scope::Write, Scope::Jobs, Scope::Metrics];
    let users = |scopes: &[Scope]| principal(Role::PartyUser, Some("tenant"), scopes);
    let operators = |scopes: &[Scope]| principal(Role::Operator, None, scopes);
    assert!(users(&[Scope::Jobs]).reach(Right::SubmitJob).is_ok());
    assert!(users(&[Scope::Jobs]).reach(Right::ReadUsage).is_err());
    assert!(users(&[Scope::Read]).reach(Right::SubmitJob).is_err());
    assert!(operators(&[Scope::Metrics]).reach(Right::ReadMetrics).is_ok());
    assert!(operators(&[Scope::Metrics]).reach(Right::ReadNodes).is_err());
    assert!(operators(&every).reach(Right::ReadJobContent).is_err());
    let problem = Problem::from(users(&[Scope::Read]).reach(Right::SubmitJob).expect_err("no"));
    assert_eq!((problem.status().as_u16(), problem.code()), (403, "scope_too_narrow"));
    assert!(problem.body().detail.contains("takes write or jobs"), "{}", problem.body().detail);
}

/// `LEASEHOLD_WRITE_DOCS=1 cargo nextest run -p leasehold-server rights` writes the page anew.
#[test]
fn the_page_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/rights.md");
    if std::env::var_os("LEASEHOLD_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).expect("the page can be written");
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        kept == page(),
        "docs/rights.md differs from the table: run with LEASEHOLD_WRITE_DOCS=1"
    );
}
