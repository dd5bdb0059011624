//! The built binary, run as a user runs it: what it prints, what it leaves on disk, how it exits.

mod books;
mod calendar;
mod demo;
mod evidence;
mod focus;
mod invoices;
mod live;
mod pages;
mod replay;
mod run;
mod simulate;
mod terms;
