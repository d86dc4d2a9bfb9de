//! The limits of formulas: the types of score defaults, the parameters of decays, the nesting.

use super::{Decay, DecayShape, Expression, Formula};
use crate::error::{Check, Invalid, Validate};
use crate::limits::NESTING_DEPTH_MAX;

impl Validate for Formula {
    fn validate(&self, check: &mut Check) {
        if self.defaults.scores.values().any(|value| !value.is_number()) {
            check.fail("defaults.?", "default values of scores must be numbers");
        }
    }
}

impl Formula {
    /// Refuses decays without a shape and expressions that are nested too deeply.
    ///
    /// # Errors
    /// `Invalid::Input` with the first offence.
    pub fn check(&self) -> Result<(), Invalid> {
        check_expression(&self.expression, 1)
    }
}

fn check_expression(expression: &Expression, depth: usize) -> Result<(), Invalid> {
    if depth > NESTING_DEPTH_MAX {
        return Err(Invalid::input(format!(
            "formula is nested deeper than {NESTING_DEPTH_MAX} levels"
        )));
    }
    if let Expression::Decay(decay) = expression {
        check_decay(decay)?;
    }
    expression
        .operands()
        .into_iter()
        .try_for_each(|operand| check_expression(operand, depth + 1))
}

fn check_decay(decay: &Decay) -> Result<(), Invalid> {
    // Written so that a NaN fails.
    let is_positive = |scale: f32| scale > 0.0 && scale.is_finite();
    if let Some(scale) = decay.scale.filter(|scale| !is_positive(*scale)) {
        return Err(Invalid::input(format!(
            "Decay scale should be non-zero positive, got {scale}."
        )));
    }
    let Some(midpoint) = decay.midpoint else {
        return Ok(());
    };
    match decay.shape {
        DecayShape::Linear if !(0.0..=1.0).contains(&midpoint) => Err(Invalid::input(format!(
            "Linear decay midpoint should be in the range [0.0, 1.0], got {midpoint}."
        ))),
        DecayShape::Exponential | DecayShape::Gauss if !(midpoint > 0.0 && midpoint < 1.0) => {
            Err(Invalid::input(format!(
                "Decay midpoint should be in the range (0.0, 1.0), got {midpoint}."
            )))
        }
        DecayShape::Linear | DecayShape::Exponential | DecayShape::Gauss => Ok(()),
    }
}
