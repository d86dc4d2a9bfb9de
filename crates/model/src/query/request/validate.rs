//! The limits of query requests. The root of a request adds no segment to the path, so that its fields are
//! reported as `internal.limit` when the check starts at `internal`.

use super::{AcornParams, QuantizationParams, QueryNode, QueryRequest, SearchParams};
use crate::error::{Check, Validate};

impl Validate for QueryRequest {
    fn validate(&self, check: &mut Check) {
        self.node.validate(check);
    }
}

impl Validate for QueryNode {
    fn validate(&self, check: &mut Check) {
        check.each("prefetch", &self.prefetch);
        if let Some(query) = &self.query {
            check.within("query", |check| query.validate(check));
        }
        if let Some(filter) = &self.filter {
            check.within("filter", |check| filter.validate(check));
        }
        check.within("params", |check| self.params.validate(check));
        check.at_least("limit", self.limit, 1);
    }
}

impl Validate for SearchParams {
    fn validate(&self, check: &mut Check) {
        if let Some(quantization) = &self.quantization {
            check.within("quantization", |check| quantization.validate(check));
        }
        if let Some(acorn) = &self.acorn {
            check.within("acorn", |check| acorn.validate(check));
        }
    }
}

impl Validate for QuantizationParams {
    fn validate(&self, check: &mut Check) {
        if let Some(oversampling) = self.oversampling {
            check.at_least("oversampling", oversampling, 1.0);
        }
    }
}

impl Validate for AcornParams {
    fn validate(&self, check: &mut Check) {
        if let Some(selectivity) = self.max_selectivity {
            check.between("max_selectivity", selectivity, 0.0, 1.0);
        }
    }
}
