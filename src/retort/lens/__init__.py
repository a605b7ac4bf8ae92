"""Ways of seeing what a model's distribution knows: one prompt (`look`), many words (`similarity`)."""
