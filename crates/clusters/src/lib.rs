//! Where jobs run: carries out what is desired, reports what is.
