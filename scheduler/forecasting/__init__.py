"""Pure: past intensity and past forecasts in, a forecast with bands out, as far ahead as planning looks."""
