//! Which right each route takes, as data. A route of the API's description without a row here, or a row
//! without a route, fails a test.

use super::{Right, Standing, Verdict};

/// A route and what it takes.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// The method, as in the API's description.
    pub method: &'static str,
    /// The path, as there.
    pub path: &'static str,
    /// What it takes.
    pub takes: Takes,
}

/// What a route takes.
#[derive(Debug, Clone, Copy)]
pub enum Takes {
    /// Nothing, not even a token.
    Nothing,
    /// One right.
    One(Right),
    /// One right of whoever has no party, another one of whoever has.
    Sides {
        /// Of those who run the site.
        site: Right,
        /// Of those of a party.
        party: Right,
    },
}

impl Takes {
    /// The right that somebody in `standing` needs.
    pub const fn right(self, standing: Standing) -> Option<Right> {
        match (self, standing) {
            (Self::Nothing, _) => None,
            (Self::One(right), _)
            | (
                Self::Sides { site: right, .. },
                Standing::Operator | Standing::Finance | Standing::SiteAuditor,
            )
            | (Self::Sides { party: right, .. }, _) => Some(right),
        }
    }
}

impl Route {
    /// How far it reaches for somebody in `standing`.
    pub fn verdict(&self, standing: Standing) -> Verdict {
        self.takes.right(standing).map_or(Verdict::Allowed, |right| right.verdict(standing))
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $takes:tt)*) => {
        /// All routes.
        pub const ROUTES: &[Route] = &[$(Route {
            method: stringify!($method),
            path: $path,
            takes: takes!($takes),
        }),*];
    };
}

macro_rules! takes {
    (Nothing) => {
        Takes::Nothing
    };
    ($right:ident) => {
        Takes::One(Right::$right)
    };
    (($site:ident | $party:ident)) => {
        Takes::Sides { site: Right::$site, party: Right::$party }
    };
}

routes! {
    get "/healthz" Nothing
    get "/readyz" Nothing
    get "/metrics" ReadMetrics
    get "/api/v1/access" (ReadAccessLog | ReadOwnAccessLog)
    get "/api/v1/audit" ReadAudit
    get "/api/v1/audit/verify" VerifyAudit
    get "/api/v1/calendar" ReadCalendar
    get "/api/v1/cluster" ReadNodes
    get "/api/v1/events" (WatchSite | WatchParty)
    get "/api/v1/invoices" ReadInvoices
    get "/api/v1/invoices/{document}" ReadInvoices
    post "/api/v1/invoices/{document}/credit" CreditInvoice
    post "/api/v1/invoices/{document}/disputes" DisputeInvoice
    post "/api/v1/invoices/{document}/disputes/{dispute}/resolution" ResolveDispute
    post "/api/v1/invoices/{document}/payments" RecordPayment
    get "/api/v1/jobs" ReadJobs
    post "/api/v1/jobs" SubmitJob
    get "/api/v1/jobs/{number}" ReadJobs
    delete "/api/v1/jobs/{number}" CancelJobs
    get "/api/v1/jobs/{number}/log" ReadJobContent
    get "/api/v1/leases" ReadLeaseTerms
    post "/api/v1/leases" SignLease
    get "/api/v1/leases/{lease}" ReadLeaseTerms
    post "/api/v1/leases/{lease}/amendments" AmendLease
    get "/api/v1/leases/{lease}/evidence" ReadInvoices
    get "/api/v1/leases/{lease}/evidence/{file}" ReadInvoices
    post "/api/v1/leases/{lease}/notice" (GiveNoticeAsLandlord | GiveNoticeAsTenant)
    post "/api/v1/leases/{lease}/termination" ElectRemedy
    post "/api/v1/leases/{lease}/withdrawal" (WithdrawNoticeAsLandlord | WithdrawNoticeAsTenant)
    get "/api/v1/nodes" (ReadNodes | ReadCapacity)
    get "/api/v1/nodes/{node}" (ReadNodes | ReadCapacity)
    post "/api/v1/nodes/{nodes}/down" ManageNodes
    post "/api/v1/nodes/{nodes}/drain" PlanMaintenance
    post "/api/v1/nodes/{nodes}/resume" ManageNodes
    get "/api/v1/parties" ReadParties
    post "/api/v1/parties" ManageParties
    delete "/api/v1/parties/{party}/tokens" RevokeTokensOfParty
    get "/api/v1/power" ReadPower
    post "/api/v1/power/events" DeclarePowerEvent
    get "/api/v1/session" ReadOwnSession
    get "/api/v1/site" ReadSite
    get "/api/v1/tokens" (ManageTokensOfSite | ManageTokensOfParty)
    post "/api/v1/tokens" (ManageTokensOfSite | ManageTokensOfParty)
    delete "/api/v1/tokens/{id}" (ManageTokensOfSite | ManageTokensOfParty)
    get "/api/v1/usage" ReadUsage
}
