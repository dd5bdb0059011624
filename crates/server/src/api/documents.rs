//! `/invoices`: documents and what becomes of them.

use std::sync::Arc;

use axum::response::{IntoResponse as _, Response};
use leasehold_lease::Side;
use leasehold_ledger::{Correction, Dispute, Payment, Request, Resolution};
use leasehold_units::{Currency, Day, Money, PartyId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::leases::SideName;
use super::{App, CommandOptions, Shared, only, problem, reach};
use crate::auth::{Principal, Right};
use crate::command::{BooksCommand, Command, Refusal};
use crate::problem::{IdempotencyKey, Json, Path, Problem, Query};
use crate::view::{self, DocumentView};

/// Documents in one answer at most.
const PAGE_MAX: u32 = 1_000;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(pay))
        .routes(routes!(dispute))
        .routes(routes!(resolve))
        .routes(routes!(credit))
}

/// Documents.
#[derive(Debug, Serialize, ToSchema)]
struct Documents {
    /// Latest first.
    documents: Vec<DocumentView>,
    /// What to pass as `before` for more.
    next: Option<String>,
}

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WhichDocuments {
    /// Only those to this tenant.
    tenant: Option<String>,
    /// Only those before this one.
    before: Option<String>,
    /// So many at most, 1 to 1000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// A payment that came in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentIn {
    /// The bank's name for it; the same again changes nothing.
    id: String,
    /// The day on which the money was there, ISO 8601.
    day: String,
    /// How much, a decimal in the document's currency.
    amount: String,
}

/// A part of a document that is not accepted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeRaised {
    /// Its name among the tenant's disputes; the same again changes nothing.
    id: String,
    /// How much, a decimal in the document's currency.
    amount: String,
}

/// The end of a dispute.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisputeResolved {
    /// Who was right.
    favour: SideName,
}

/// What is wrong with a document.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditAsked {
    /// Why, for both parties to read.
    reason: String,
    /// Wrong lines with their right amounts; the other lines stay.
    #[serde(default)]
    lines: Vec<RightLine>,
}

/// A line as it should be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightLine {
    /// Its place, from 1.
    #[schema(minimum = 1)]
    line: usize,
    /// Its right amount, a decimal in the document's currency.
    amount: String,
}

/// List documents.
#[utoipa::path(get, path = "/invoices", tag = "invoices", params(WhichDocuments),
    responses((status = 200, body = Documents), Problem))]
async fn list(
    app: Shared,
    who: Principal,
    Query(which): Query<WhichDocuments>,
) -> Result<axum::Json<Documents>, Problem> {
    let reach = reach(&who, Right::ReadInvoices, which.tenant.as_deref())?;
    let limit = super::page(which.limit, 100, PAGE_MAX)? as usize;
    let (documents, more) = {
        let core = app.handle.core().await;
        let state = core.state();
        let mut seen = view::documents(state, only(&reach)).rev();
        if let Some(before) = &which.before {
            seen.by_ref().find(|invoice| invoice.number == *before);
        }
        let page: Vec<DocumentView> =
            seen.by_ref().take(limit).map(|invoice| view::document(state, invoice)).collect();
        (page, seen.next().is_some())
    };
    let next = documents.last().filter(|_| more).map(|last| last.document.clone());
    let tenants = documents.iter().map(|document| document.tenant.as_str());
    app.log_reads(&who, Right::ReadInvoices, tenants, "list of documents").await?;
    Ok(axum::Json(Documents { documents, next }))
}

/// Show a document: the sealed JSON, the same bytes each time.
#[utoipa::path(get, path = "/invoices/{document}", tag = "invoices",
    params(("document" = String, Path, description = "Its number")),
    responses((status = 200, body = serde_json::Value), Problem))]
async fn show(
    app: Shared,
    who: Principal,
    Path(number): Path<String>,
) -> Result<Response, Problem> {
    let reach = who.reach(Right::ReadInvoices)?;
    let found = {
        let core = app.handle.core().await;
        let mut seen = view::documents(core.state(), only(&reach));
        let invoice = seen.find(|invoice| invoice.number == number);
        invoice.map(|invoice| (invoice.tenant.to_string(), view::invoice_json(invoice, &app.key)))
    };
    let (tenant, json) = found.ok_or_else(|| Problem::no_such("document", &number))?;
    app.log_read(&who, Right::ReadInvoices, &tenant, &format!("document {number}")).await?;
    Ok(([(axum::http::header::CONTENT_TYPE, "application/json")], json).into_response())
}

/// Record that a document was paid, in parts or whole.
#[utoipa::path(post, path = "/invoices/{document}/payments", tag = "invoices",
    params(("document" = String, Path, description = "Its number"), CommandOptions, IdempotencyKey),
    request_body = PaymentIn, responses((status = 200), Problem))]
async fn pay(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(number): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(asked): Json<PaymentIn>,
) -> Result<Response, Problem> {
    let document = find(&app, &who, Right::RecordPayment, &number).await?;
    let request = Request::Pay(Payment {
        id: asked.id.clone(),
        tenant: document.tenant.clone(),
        day: super::day("#/day", &asked.day)?,
        amount: document.money("#/amount", &asked.amount)?,
        documents: vec![number.clone()],
    });
    app.books(&who, key, &options, &(number, asked), request).await
}

/// Dispute a part of a document.
#[utoipa::path(post, path = "/invoices/{document}/disputes", tag = "invoices",
    params(("document" = String, Path, description = "Its number"), CommandOptions, IdempotencyKey),
    request_body = DisputeRaised, responses((status = 200), Problem))]
async fn dispute(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(number): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(asked): Json<DisputeRaised>,
) -> Result<Response, Problem> {
    let document = find(&app, &who, Right::DisputeInvoice, &number).await?;
    let request = Request::Dispute(Dispute {
        id: asked.id.clone(),
        tenant: document.tenant.clone(),
        document: number.clone(),
        day: document.today,
        amount: document.money("#/amount", &asked.amount)?,
    });
    app.books(&who, key, &options, &(number, asked), request).await
}

/// End a dispute: for the landlord the amount is owed again, for the tenant it is credited.
#[utoipa::path(post, path = "/invoices/{document}/disputes/{dispute}/resolution", tag = "invoices",
    params(("document" = String, Path, description = "Its number"),
        ("dispute" = String, Path, description = "The name of the dispute"), CommandOptions, IdempotencyKey),
    request_body = DisputeResolved, responses((status = 200), Problem))]
async fn resolve(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path((number, dispute)): Path<(String, String)>,
    Query(options): Query<CommandOptions>,
    Json(asked): Json<DisputeResolved>,
) -> Result<Response, Problem> {
    let document = find(&app, &who, Right::ResolveDispute, &number).await?;
    let favour = match asked.favour {
        SideName::Landlord => Side::Landlord,
        SideName::Tenant => Side::Tenant,
    };
    let request = Request::Resolve(Resolution {
        tenant: document.tenant.clone(),
        dispute: dispute.clone(),
        day: document.today,
        favour,
    });
    app.books(&who, key, &options, &(number, dispute, asked), request).await
}

/// Correct a document: all of it is given back and issued again with other amounts.
#[utoipa::path(post, path = "/invoices/{document}/credit", tag = "invoices",
    params(("document" = String, Path, description = "Its number"), CommandOptions, IdempotencyKey),
    request_body = CreditAsked, responses((status = 200), Problem))]
async fn credit(
    app: Shared,
    who: Principal,
    key: IdempotencyKey,
    Path(number): Path<String>,
    Query(options): Query<CommandOptions>,
    Json(asked): Json<CreditAsked>,
) -> Result<Response, Problem> {
    let document = find(&app, &who, Right::CreditInvoice, &number).await?;
    let mut amounts = Vec::new();
    for (place, line) in asked.lines.iter().enumerate() {
        let pointer = format!("#/lines/{place}/amount");
        let amount = document.money(&pointer, &line.amount)?;
        let Some(place) = line.line.checked_sub(1) else {
            return Err(problem(Refusal::new(
                422,
                "line-is-known",
                "lines are counted from 1",
                "name the line by its place in the document",
            )));
        };
        amounts.push((place, amount));
    }
    let reason = asked.reason.clone();
    let request = Request::Correct(Correction { document: number.clone(), reason, amounts });
    app.books(&who, key, &options, &(number, asked), request).await
}

/// What is needed of a document to ask something of the books.
struct Known {
    tenant: PartyId,
    currency: Currency,
    today: Day,
}

impl Known {
    fn money(&self, pointer: &str, text: &str) -> Result<Money, Problem> {
        Money::from_decimal(text, self.currency).map_err(|_| {
            let detail = format!("{text:?} is no amount of {}", self.currency);
            let hint = "a decimal with at most the currency's digits, \"625000000.00\"";
            problem(Refusal::new(422, "amount-is-valid", detail.clone(), hint))
                .field(pointer, detail)
        })
    }
}

async fn find(app: &App, who: &Principal, right: Right, number: &str) -> Result<Known, Problem> {
    let reach = who.reach(right)?;
    let core = app.handle.core().await;
    let state = core.state();
    let mut seen = view::documents(state, only(&reach));
    let invoice = seen.find(|invoice| invoice.number == number);
    let invoice = invoice.ok_or_else(|| Problem::no_such("document", number))?;
    Ok(Known {
        tenant: invoice.tenant.clone(),
        currency: invoice.currency,
        today: state.site.time_zone.day_of(state.now),
    })
}

impl App {
    async fn books(
        &self,
        who: &Principal,
        key: IdempotencyKey,
        options: &CommandOptions,
        asked: &(impl Serialize + Sync),
        request: Request,
    ) -> Result<Response, Problem> {
        let command = Command::Books(BooksCommand(request));
        self.command(who, key, options, asked, command).await
    }
}
