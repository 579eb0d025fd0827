"""What Icon-VL reaches: names, refusals and what steering costs, measured on one split and held to the bars."""
