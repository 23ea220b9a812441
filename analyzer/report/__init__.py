"""An analysis -> what people and programs read: terminal, JSON, tables. One file a form."""
