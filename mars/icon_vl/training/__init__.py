"""How Icon-VL's shipped parts are made."""
