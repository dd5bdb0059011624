//! What deals make of a cluster, step by step, as golden files: what is wanted, what differs, and the commands.

use std::fmt::Write;
use std::path::Path;

use leasehold_clusters::slurm::calls::{carry_out, plan};
use leasehold_clusters::slurm::compile::compile;
use leasehold_clusters::slurm::difference::difference;
use leasehold_clusters::slurm::hostlist;
use leasehold_clusters::slurm::objects::{
    Desired, Ground, Lending, Wanted, WantedHolding, WantedParty,
};
use leasehold_clusters::slurm::read::{AccountRow, SlurmReservation};
use leasehold_clusters::slurm::settings::Preemption;
use leasehold_units::{LeaseId, PartyId, PoolId, Seconds};

use crate::fake::{Fake, NOW};

pub fn party(name: &str) -> PartyId {
    PartyId::new(name).expect("a name")
}

pub fn with_users(name: &str, users: &[&str]) -> WantedParty {
    let users = users.iter().map(|&user| user.to_owned()).collect();
    WantedParty { id: party(name), accounts: Vec::new(), users }
}

/// A holding of whole nodes with 8 GPUs each, on pool `a`. `ground` is `own`, `reserve` or a lease.
pub fn holding(ground: &str, holder: &str, nodes: &str) -> WantedHolding {
    let nodes = hostlist::expand(nodes).expect("well-formed");
    let ground = match ground {
        "own" => Ground::Own,
        "reserve" => Ground::Reserve,
        lease => Ground::Lease(LeaseId::new(lease).expect("a name")),
    };
    let gpus = nodes.len() as u64 * 8;
    let pool = PoolId::new("a").expect("a name");
    WantedHolding { ground, pool, holder: party(holder), nodes, gpus, lending: None }
}

/// Lent within ten minutes, with a turnover of a minute.
pub fn lent(holding: WantedHolding) -> WantedHolding {
    let lending = Lending { reclaim_bound: Seconds::new(600), turnover: Seconds::new(60) };
    WantedHolding { lending: Some(lending), ..holding }
}

pub fn wanted(parties: Vec<WantedParty>, holdings: Vec<WantedHolding>) -> Wanted {
    Wanted {
        cluster: "main".into(),
        landlord: party("lab"),
        parties,
        holdings,
        preemption: Preemption::Leasehold,
        kill_wait: Seconds::new(30),
    }
}

/// Plays steps on one cluster and writes down what happens.
struct Story {
    slurm: Fake,
    last: Option<Desired>,
    text: String,
}

impl Story {
    fn new() -> Self {
        Self { slurm: Fake::default(), last: None, text: String::new() }
    }

    fn step(&mut self, title: &str, wanted: &Wanted) {
        let desired = compile(wanted).expect("it can be had");
        let found = self.slurm.found();
        let change = difference(&desired, &found, self.last.as_ref(), NOW);
        writeln!(self.text, "=== {title}\n\n--- wanted\n{desired}\n--- difference\n{change}")
            .expect("text");
        match plan(&desired, &found, &change, 100) {
            Err(error) => writeln!(self.text, "--- undecided\n{error}\n").expect("text"),
            Ok(plan) => {
                writeln!(self.text, "--- commands\n{plan}").expect("text");
                carry_out(&self.slurm, &plan).expect("Slurm takes them");
                let after = self.slurm.found();
                let rest = difference(&desired, &after, Some(&plan.attained), NOW);
                assert!(rest.is_settled(), "{title}:\n{rest}");
                self.last = Some(plan.attained);
            }
        }
    }

    fn golden(self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/slurm").join(name);
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        if kept != self.text && std::env::var_os("GOLDEN").is_some() {
            std::fs::write(&path, &self.text).expect("written");
        }
        assert_eq!(kept, self.text, "{name} is not what it was; GOLDEN=1 writes it anew");
    }
}

fn lab_and_tenant() -> Vec<WantedParty> {
    vec![with_users("lab", &["ada", "bob"]), with_users("tenant", &["tom"])]
}

#[test]
fn a_ramp_to_all_nodes() {
    let mut story = Story::new();
    let half = vec![
        lent(holding("main-2026", "tenant", "n[1-8]")),
        holding("own", "lab", "n[9-15]"),
        holding("reserve", "lab", "n16"),
    ];
    story.step("half of the nodes are the tenant's", &wanted(lab_and_tenant(), half));
    let all =
        vec![lent(holding("main-2026", "tenant", "n[1-15]")), holding("reserve", "lab", "n16")];
    story.step("a ramp step: all of them", &wanted(lab_and_tenant(), all.clone()));
    story.step("nothing new", &wanted(lab_and_tenant(), all));
    let less = vec![
        lent(holding("main-2026", "tenant", "n[1-12]")),
        holding("own", "lab", "n[13-15]"),
        holding("reserve", "lab", "n16"),
    ];
    story.step("amended to less: own nodes are there again", &wanted(lab_and_tenant(), less));
    story.golden("ramp.txt");
}

#[test]
fn two_tenants_and_own_nodes() {
    let mut story = Story::new();
    let parties = || {
        let mut parties = lab_and_tenant();
        parties.push(with_users("rival", &["rita"]));
        parties
    };
    let holdings = |one: &str, two: &str, own: &str, reserve: &str| {
        vec![
            lent(holding("main-2026", "tenant", one)),
            holding("other", "rival", two),
            holding("own", "lab", own),
            holding("reserve", "lab", reserve),
        ]
    };
    story.step("two tenants", &wanted(parties(), holdings("n[1-6]", "n[7-10]", "n[11-15]", "n16")));
    let substituted = holdings("n[1-2,4-6,16]", "n[7-10]", "n[11-15]", "n3");
    story.step("n3 has failed: n16 of the reserve stands in", &wanted(parties(), substituted));
    let mut native = wanted(parties(), holdings("n[1-6]", "n[7-10]", "n[11-15]", "n16"));
    native.preemption = Preemption::Slurm;
    story.step("back, and Slurm pushes borrowers out by itself", &native);
    story.golden("two-tenants.txt");
}

#[test]
fn wind_down_after_notice() {
    let mut story = Story::new();
    let held =
        vec![lent(holding("main-2026", "tenant", "n[1-8]")), holding("own", "lab", "n[9-16]")];
    story.step("before", &wanted(lab_and_tenant(), held));
    story.slurm.by_hand(|found| {
        let nodes = [String::from("n4"), String::from("n5")].into();
        found.busy.insert("leasehold_main-2026@a".into(), nodes);
    });
    let after = vec![holding("own", "lab", "n[1-16]")];
    story.step(
        "the last day is over; a job of the landlord's still runs on what was lent",
        &wanted(lab_and_tenant(), after.clone()),
    );
    story.slurm.by_hand(|found| found.busy.clear());
    story.step("the job has ended", &wanted(lab_and_tenant(), after));
    story.golden("wind-down.txt");
}

#[test]
fn drift_by_hand() {
    let mut story = Story::new();
    let held =
        || vec![lent(holding("main-2026", "tenant", "n[1-8]")), holding("own", "lab", "n[9-16]")];
    story.step("as wanted", &wanted(lab_and_tenant(), held()));
    story.slurm.by_hand(|found| {
        let lease = &mut found.reservations[1];
        assert_eq!(lease.name, "leasehold_main-2026@a");
        lease.nodes.truncate(6);
        lease.accounts = vec!["lab".into()];
        lease.flags.push("DAILY".into());
        lease.flags.retain(|flag| flag != "MAGNETIC");
        let qos = found.qos.get_mut("leasehold_tenant").expect("made");
        (qos.gpus, qos.flags) = (None, vec!["DenyOnLimit".into()]);
        found.associations.retain(|row| row.user.as_deref() != Some("bob"));
        for row in found.associations.iter_mut().filter(|row| row.user.as_deref() == Some("tom")) {
            row.default_qos = Some("normal".into());
        }
        let mut guest = found.associations[0].clone();
        guest.user = Some("guest".into());
        found.associations.push(guest);
    });
    story.step("somebody changed things by hand", &wanted(lab_and_tenant(), held()));
    story.slurm.by_hand(|found| {
        found.reservations.remove(0);
        let row = found.reservations[0].clone();
        found.reservations[0].end = NOW.after(Seconds::new(20 * 86_400));
        let maintenance =
            SlurmReservation { name: "maintenance".into(), nodes: vec!["n9".into()], ..row };
        found.reservations.push(maintenance);
    });
    story.step(
        "somebody took a reservation away and made another; one ends soon",
        &wanted(lab_and_tenant(), held()),
    );
    story.golden("drift.txt");
}

#[test]
fn accounts_of_somebody_else() {
    let mut story = Story::new();
    story.slurm.by_hand(|found| {
        let row = AccountRow {
            name: "tenant".into(),
            description: "physics".into(),
            organization: "university".into(),
        };
        found.accounts.insert("tenant".into(), row);
    });
    let held = || vec![holding("main-2026", "tenant", "n[1-8]"), holding("own", "lab", "n[9-16]")];
    story.step("an account of the party's name exists", &wanted(lab_and_tenant(), held()));
    let mut parties = lab_and_tenant();
    parties[1] = WantedParty {
        accounts: vec!["tenant-gpu".into()],
        users: Vec::new(),
        ..parties[1].clone()
    };
    story.step("slurm.toml names an account that is not there", &wanted(parties.clone(), held()));
    parties[1].accounts = Vec::new();
    parties[1].id = party("tenant2");
    let mut held = held();
    held[0].holder = party("tenant2");
    story.step("another name", &wanted(parties, held));
    story.golden("foreign-account.txt");
}

#[test]
fn lending_needs_a_bound_that_can_be_kept() {
    let mut holding = lent(holding("main-2026", "tenant", "n[1-8]"));
    holding.lending = Some(Lending { reclaim_bound: Seconds::new(89), turnover: Seconds::new(60) });
    let desired = compile(&wanted(lab_and_tenant(), vec![holding])).expect("it can be had");
    let reservation = &desired.reservations["leasehold_main-2026@a"];
    assert!(reservation.accounts.iter().eq(["tenant"]), "{:?}", reservation.accounts);
    assert_eq!(
        desired.notes[0].text,
        "not lent: KillWait of 30 s and a turnover of 60 s are longer than the reclaim bound of 89 s"
    );
}

#[test]
fn what_contradicts_itself_makes_nothing() {
    let check = |parties: Vec<WantedParty>, holdings: Vec<WantedHolding>, expected: &str| {
        let errors = compile(&wanted(parties, holdings)).expect_err("refused");
        assert_eq!(errors[0].to_string(), expected);
    };
    let lab = || with_users("lab", &[]);
    check(
        vec![lab()],
        vec![holding("own", "lab", "n[1-2]"), holding("reserve", "lab", "n2")],
        "node n2 is in leasehold_own+a and in leasehold_reserve+a",
    );
    check(
        vec![lab()],
        vec![holding("x", "tenant", "n1")],
        "tenant holds leasehold_x@a and is not among the parties",
    );
    check(
        vec![lab(), with_users("LAB", &[])],
        Vec::new(),
        "lab and LAB would both have Slurm's account lab: name another one for one of them in slurm.toml",
    );
    check(
        vec![lab()],
        vec![holding("own", "lab", "n1"), holding("own", "lab", "n2")],
        "leasehold_own+a is wanted twice",
    );
    let errors =
        compile(&wanted(vec![with_users("lab", &["a,b"])], Vec::new())).expect_err("refused");
    assert!(
        errors[0].to_string().starts_with("\"a,b\" cannot be a name in Slurm"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_difference_is_json_too() {
    let desired =
        compile(&wanted(vec![with_users("lab", &[])], vec![holding("own", "lab", "n[1-2]")]));
    let slurm = Fake::default();
    let change = difference(&desired.expect("it can be had"), &slurm.found(), None, NOW);
    let json = serde_json::to_value(&change).expect("plain values");
    let expected = serde_json::json!({
        "object": "reservation",
        "name": "leasehold_own+a",
        "kind": "missing",
        "fields": [
            { "field": "nodes", "wanted": "n[1-2]" },
            { "field": "accounts", "wanted": "lab" },
            { "field": "users", "wanted": "" },
            { "field": "flags", "wanted": "IGNORE_JOBS,MAGNETIC" },
        ],
    });
    assert_eq!(json["entries"][2], expected);
}

#[test]
fn names_of_grounds_never_meet() {
    let pool = |name: &str| PoolId::new(name).expect("a name");
    let lease = |name: &str| Ground::Lease(LeaseId::new(name).expect("a name"));
    let names = [
        Ground::Own.reservation(&pool("a")),
        lease("own").reservation(&pool("a")),
        lease("a_b").reservation(&pool("c")),
        lease("a").reservation(&pool("b_c")),
        Ground::Reserve.reservation(&pool("a")),
    ];
    let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
}
